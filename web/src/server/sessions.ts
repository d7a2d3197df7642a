/** Opens sessions. */

import { ask } from "./client";
import { Trouble } from "./failures";
import { CODES, PATHS, readOffer, type SessionOffer, type SessionRequest } from "./messages";

export async function createSession(request: SessionRequest): Promise<SessionOffer> {
  const offer = readOffer(await ask("POST", PATHS.sessions, request));
  if (!offer) throw new Trouble({ from: "http", status: 502, error: null, retryAfter: 0 });
  return offer;
}

/** Keeps the conversation of a session from now on, or nothing of it. */
export async function keepSession(id: string, keep: boolean): Promise<void> {
  await ask("PATCH", `${PATHS.sessions}/${encodeURIComponent(id)}`, { keep });
}

/**
 * Whether https reaches the very place where a WebSocket did not: there the appliance answers that
 * the address is for WebSockets. Any other answer (too many sockets, an appliance that is away)
 * has a cause of its own.
 */
export async function onlySocketsFail(wsUrl: string): Promise<boolean> {
  if (!location.href.startsWith("https:")) return false;
  try {
    // Without the token, which works once.
    await ask("GET", wsUrl.split("?", 1)[0] ?? wsUrl);
  } catch (error) {
    const cause = error instanceof Trouble ? error.cause : null;
    return cause?.from === "http" && cause.error?.code === CODES.badRequest;
  }
  return false;
}
