/** Failures between the page and the appliance, in words a person can act on. */

import { CLOSED_FOR_GOOD, CLOSED_REVOKED, CODES, PATHS, type ApiError } from "./messages";

export type FailureKind =
  | "server_down"
  | "loading"
  | "full"
  | "not_paired"
  | "untrusted"
  | "too_many"
  | "ended"
  | "lost"
  | "refused";

export interface Failure {
  kind: FailureKind;
  title: string;
  advice: string;
  /** Whether the page tries again by itself, and the least seconds to wait before it does. */
  retry: { after: number } | null;
  /** A page that explains the remedy, where there is one. */
  link?: { address: string; words: string };
}

export type Cause =
  | { from: "network" }
  | { from: "http"; status: number; error: ApiError | null; retryAfter: number }
  | { from: "socket"; code: number; reason: string }
  | { from: "silence" }
  /** https works and the WebSocket beside it does not. */
  | { from: "trust" };

/** Thrown by requests and connections; carries the cause that `explain` puts into words. */
export class Trouble extends Error {
  constructor(override readonly cause: Cause) {
    super(`trouble from ${cause.from}`);
  }
}

const SERVER_DOWN: Failure = {
  kind: "server_down",
  title: "The server is down",
  advice: "Check that the appliance has power and is on this network.",
  retry: { after: 0 },
};

/** Safari takes a certificate that a person clicked through for pages, and not for WebSockets. */
const UNTRUSTED: Failure = {
  kind: "untrusted",
  title: "This device must trust the certificate",
  advice:
    "The page came through, the voice connection did not: some browsers, all on iPhone and iPad, want the certificate installed for it. The page connects by itself afterwards.",
  retry: { after: 5 },
  link: { address: PATHS.trustPage, words: "How to trust it" },
};

const LOADING = {
  title: "Still loading",
  advice: "The models are being read into memory. The page connects by itself when they are ready.",
};

function explainError(error: ApiError, status: number, retryAfter: number): Failure {
  const said = { title: error.message, advice: error.advice };
  switch (error.code) {
    case CODES.notPaired:
      return { kind: "not_paired", ...said, title: "This browser is not paired", retry: null };
    case CODES.notReady:
      return { kind: "loading", ...LOADING, retry: { after: 2 } };
    case CODES.sessionLimit:
      return { kind: "full", ...said, title: "All places are taken", retry: { after: 8 } };
    case CODES.tooManyRequests:
      return { kind: "too_many", ...said, retry: { after: Math.max(1, retryAfter) } };
    default:
      return { kind: "refused", ...said, retry: status >= 500 ? { after: 1 } : null };
  }
}

function explainSocket(code: number, reason: string): Failure {
  if (code === CLOSED_FOR_GOOD) {
    const advice = reason || "Nobody spoke for a while, or the appliance hung up.";
    return { kind: "ended", title: "The session has ended", advice, retry: null };
  }
  if (code === CLOSED_REVOKED) {
    const advice = "An administrator took its access away. Pair it again to go on.";
    return { kind: "not_paired", title: "This browser is not paired", advice, retry: null };
  }
  const advice = reason || "The connection broke off. The conversation is kept.";
  return { kind: "lost", title: "Connection lost", advice, retry: { after: 0 } };
}

/** The failure for a cause. An answer without the appliance's error body came from nginx. */
export function explain(cause: Cause): Failure {
  switch (cause.from) {
    case "network":
      return SERVER_DOWN;
    case "silence":
      return { ...SERVER_DOWN, title: "The server does not answer" };
    case "trust":
      return UNTRUSTED;
    case "socket":
      return explainSocket(cause.code, cause.reason);
    case "http":
      if (cause.error) return explainError(cause.error, cause.status, cause.retryAfter);
      return { ...SERVER_DOWN, advice: "It may be starting. The page tries again by itself." };
  }
}

/** Seconds before attempt `attempt` (from 1); `luck` in 0..1 spreads pages that lost one server. */
export function backOff(attempt: number, least: number, luck: number): number {
  const grown = Math.min(15, 0.5 * 2 ** Math.max(0, attempt - 1));
  return Math.max(least, grown * (0.8 + 0.4 * luck));
}

export type MicState = "off" | "on" | "insecure" | "refused" | "missing" | "busy" | "lost";

/** What the error of getUserMedia means (names from the Media Capture specification). */
export function micStateOf(errorName: string): MicState {
  switch (errorName) {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    default:
      return "busy";
  }
}

export interface MicTrouble {
  title: string;
  advice: string;
  /** An address to open instead, where that helps. */
  link: string;
}

/** Words for a microphone that is not open; null when nothing is wrong with it. */
export function explainMic(state: MicState, httpsAddress: string): MicTrouble | null {
  const words: Record<MicState, [string, string] | null> = {
    off: null,
    on: null,
    insecure: [
      "The microphone needs https",
      "The address is the problem, not the microphone. Open the secure address below; until then you can type and read the answers.",
    ],
    refused: [
      "Microphone refused",
      "Open the site settings beside the address, allow the microphone, then try again. You can type meanwhile.",
    ],
    missing: ["No microphone found", "Plug one in and try again. You can type meanwhile."],
    busy: [
      "The microphone does not start",
      "Another program may be using it. Close that and try again. You can type meanwhile.",
    ],
    lost: ["The microphone is gone", "It was unplugged or taken away. Try again, or type."],
  };
  const found = words[state];
  if (!found) return null;
  return { title: found[0], advice: found[1], link: state === "insecure" ? httpsAddress : "" };
}
