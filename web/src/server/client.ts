/** The HTTP side of the appliance. Every failure leaves as `Trouble` with its cause. */

import { Trouble } from "./failures";
import { readError } from "./messages";

/** The appliance answers in milliseconds on a LAN; beyond this it hangs. */
export const PATIENCE_MS = 10_000;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The JSON of the answer, null where there is none. What it holds is for a reader to look at. */
export async function ask(
  method: Method,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<unknown> {
  const answer = await request(method, path, body, AbortSignal.timeout(patienceMs), signal);
  return answer.json().catch(() => null);
}

/** A sound that is made for this request, which takes a small appliance some seconds. */
export async function askForSound(path: string, body: unknown): Promise<Blob> {
  const answer = await request("POST", path, body, AbortSignal.timeout(3 * PATIENCE_MS));
  return answer.blob();
}

async function request(
  method: Method,
  path: string,
  body: unknown,
  patience: AbortSignal,
  signal?: AbortSignal,
): Promise<Response> {
  const init: RequestInit = { method, cache: "no-store", signal: signal ? AbortSignal.any([signal, patience]) : patience };
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
  if (answer.ok) return answer;
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  const content: unknown = await answer.json().catch(() => null);
  throw new Trouble({ from: "http", status: answer.status, error: readError(content), retryAfter });
}
