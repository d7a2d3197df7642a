/** The HTTP side of the appliance. Every failure leaves as `Trouble` with its cause. */

import { Trouble } from "./failures";
import {
  PATHS,
  readError,
  readHealth,
  readOffer,
  readTrust,
  type Health,
  type SessionOffer,
  type SessionRequest,
  type TrustFacts,
} from "./messages";

/** The appliance answers in milliseconds on a LAN; beyond this it hangs. */
const PATIENCE_MS = 10_000;

async function ask(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method, signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch {
    // fetch rejects for one reason only as far as a person is concerned: nobody answered.
    throw new Trouble({ from: "network" });
  }
  const content: unknown = await answer.json().catch(() => null);
  if (answer.ok) return content;
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  throw new Trouble({ from: "http", status: answer.status, error: readError(content), retryAfter });
}

export async function createSession(request: SessionRequest): Promise<SessionOffer> {
  const offer = readOffer(await ask("POST", PATHS.sessions, request));
  if (!offer) throw new Trouble({ from: "http", status: 502, error: null, retryAfter: 0 });
  return offer;
}

/** Exchanges a pairing code for the cookie that this browser is known by from then on. */
export async function pair(code: string, name: string): Promise<void> {
  await ask("POST", PATHS.pair, { code, name });
}

export async function fetchHealth(): Promise<Health> {
  return readHealth(await ask("GET", PATHS.health));
}

/** Resolves when this browser is paired; otherwise `Trouble` with `not_paired` in its cause. */
export async function checkPaired(): Promise<void> {
  await ask("GET", PATHS.status);
}

/** Where https is; served beside the trust page. The usual port where that file is missing. */
export async function fetchTrust(): Promise<TrustFacts> {
  return ask("GET", PATHS.trust).then(readTrust, () => readTrust(null));
}
