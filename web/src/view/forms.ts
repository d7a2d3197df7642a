/** The two forms: a typed message, and the code that pairs this browser. */

import { byId, setText } from "./elements";

export function onMessage(send: (text: string) => void): void {
  const input = byId("message", HTMLInputElement);
  byId("composer", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || byId("send", HTMLButtonElement).disabled) return;
    input.value = "";
    send(text);
  });
}

/** `pair` resolves to "" when it worked, or to the words to show beside the field. */
export function onPairing(pair: (code: string) => Promise<string>): void {
  const input = byId("code", HTMLInputElement);
  const complaint = byId("code-error", HTMLElement);
  byId("pairing", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const code = input.value.replace(/\D/g, "");
    const show = (words: string): void => {
      setText(complaint, words);
      input.setAttribute("aria-invalid", String(words !== ""));
      if (words) input.focus();
    };
    if (code.length !== 8) return show("A pairing code has eight digits.");
    void pair(code).then(show);
  });
}
