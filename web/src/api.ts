/** The HTTP side of the appliance. Every failure leaves as `Trouble` with its cause. */

import { Trouble } from "./failures";
import { readSelftest, type Selftest } from "./selftest";
import {
  CODES,
  PATHS,
  readError,
  readHealth,
  readMe,
  readOffer,
  readTaskResult,
  readTrust,
  type Health,
  type Me,
  type SessionOffer,
  type SessionRequest,
  type TrustFacts,
} from "./messages";

/** The appliance answers in milliseconds on a LAN; beyond this it hangs. */
const PATIENCE_MS = 10_000;

async function ask(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method, signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch {
    // fetch rejects for one reason that matters to a person: there was no answer.
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

/** The full text of a task. */
export async function fetchTaskResult(id: string): Promise<string> {
  return readTaskResult(await ask("GET", `${PATHS.tasks}/${encodeURIComponent(id)}`));
}

export async function cancelTask(id: string): Promise<void> {
  await ask("DELETE", `${PATHS.tasks}/${encodeURIComponent(id)}`);
}

/** Exchanges a pairing code for the cookie that this browser is known by from then on. */
export async function pair(code: string, name: string): Promise<void> {
  await ask("POST", PATHS.pair, { code, name });
}

export async function fetchHealth(): Promise<Health> {
  return readHealth(await ask("GET", PATHS.health));
}

/** Role of this browser; throws `Trouble` with `not_paired` in its cause when it is not paired. */
export async function fetchMe(): Promise<Me> {
  return readMe(await ask("GET", PATHS.me));
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

/**
 * Whether the secure address works in this browser, asked from the plain one. The answer itself
 * stays hidden from another origin; that there is one is enough.
 */
export async function reachesSecurely(address: string): Promise<boolean> {
  const init: RequestInit = { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
  return fetch(new URL(PATHS.ping, address), init).then(
    () => true,
    () => false,
  );
}

/** The last self-test, and how far one under way is. For administrators. */
export async function fetchSelftest(): Promise<Selftest> {
  return readSelftest(await ask("GET", PATHS.selftest));
}

export async function startSelftest(): Promise<Selftest> {
  return readSelftest(await ask("POST", PATHS.selftest));
}

/** Where https is; served beside the trust page. The usual port where that file is missing. */
export async function fetchTrust(): Promise<TrustFacts> {
  return ask("GET", PATHS.trust).then(readTrust, () => readTrust(null));
}
