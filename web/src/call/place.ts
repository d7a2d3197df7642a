/** Which conversation this browser is in, over reloads and discarded tabs. */

const KEY = "conversation";

export function lastPlace(): string {
  return localStorage.getItem(KEY) ?? "";
}

export function keepPlace(conversationId: string): void {
  if (conversationId) localStorage.setItem(KEY, conversationId);
  else localStorage.removeItem(KEY);
}
