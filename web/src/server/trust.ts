/** What the trust page asks: where https is, and whether it works. */

import { ask, PATIENCE_MS } from "./client";
import { PATHS } from "./messages";
import { fields, text } from "./reading";

export interface TrustFacts {
  httpsPort: number;
  /** Of the local CA, in hexadecimal and its beginning in six words; empty where there is no such CA. */
  fingerprint: string;
  words: string;
}

export function readTrust(body: unknown): TrustFacts {
  const trust = fields(body);
  return {
    httpsPort: Number(trust["https_port"]) || 443,
    fingerprint: text(trust["fingerprint"]),
    words: text(trust["words"]),
  };
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

/** Where https is; served beside the trust page. The usual port where that file is missing. */
export async function fetchTrust(): Promise<TrustFacts> {
  return ask("GET", PATHS.trust).then(readTrust, () => readTrust(null));
}
