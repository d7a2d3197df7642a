/** Failures between the page and the appliance, in words a person can act on. */

import { CLOSED_FOR_GOOD, CLOSED_NO_PLACE, CLOSED_REVOKED, CODES, PATHS, type ApiError } from "./messages";

/** Each kind has a title and advice of its own in `common.failures`, unless the appliance's words are better. */
export type FailureKind =
  | "server_down"
  | "starting"
  | "silent"
  | "loading"
  | "full"
  | "not_paired"
  | "revoked"
  | "untrusted"
  | "too_many"
  | "ended"
  | "lost"
  | "refused";

export interface Failure {
  kind: FailureKind;
  /** The appliance's own words: shown where the page has none for this kind, and as details. */
  said: { message: string; advice: string } | null;
  /** Whether the page tries again by itself, and the least seconds to wait before it does. */
  retry: { after: number } | null;
  /** A page that explains the remedy, where there is one. */
  link?: string;
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

const SERVER_DOWN: Failure = { kind: "server_down", said: null, retry: { after: 0 } };

/** Safari takes a certificate that a person clicked through for pages, and not for WebSockets. */
const UNTRUSTED: Failure = { kind: "untrusted", said: null, retry: { after: 5 }, link: PATHS.trustPage };

function explainError(error: ApiError, status: number, retryAfter: number): Failure {
  const said = { message: error.message, advice: error.advice };
  switch (error.code) {
    case CODES.notPaired:
      return { kind: "not_paired", said, retry: null };
    case CODES.notReady:
      return { kind: "loading", said, retry: { after: 2 } };
    case CODES.sessionLimit:
      return { kind: "full", said, retry: { after: 8 } };
    case CODES.tooManyRequests:
      return { kind: "too_many", said, retry: { after: Math.max(1, retryAfter) } };
    default:
      return { kind: "refused", said, retry: status >= 500 ? { after: 1 } : null };
  }
}

function explainSocket(code: number, reason: string): Failure {
  if (code === CLOSED_FOR_GOOD) return { kind: "ended", said: { message: reason, advice: "" }, retry: null };
  if (code === CLOSED_NO_PLACE) return { kind: "full", said: { message: reason, advice: "" }, retry: { after: 8 } };
  if (code === CLOSED_REVOKED) return { kind: "revoked", said: null, retry: null };
  return { kind: "lost", said: null, retry: { after: 0 } };
}

/** The one place where causes become failures; `i18n/words.ts` puts them into the page's language. */
export function explain(cause: Cause): Failure {
  switch (cause.from) {
    case "network":
      return SERVER_DOWN;
    case "silence":
      return { ...SERVER_DOWN, kind: "silent" };
    case "trust":
      return UNTRUSTED;
    case "socket":
      return explainSocket(cause.code, cause.reason);
    case "http":
      if (cause.error) return explainError(cause.error, cause.status, cause.retryAfter);
      return { ...SERVER_DOWN, kind: "starting" };
  }
}

/** An appliance that answers is nearly there: nobody should wait for a look that is long overdue. */
const NEARLY_THERE: readonly FailureKind[] = ["loading", "starting"];

/** The most seconds between two attempts. */
export function longestWait(kind: FailureKind): number {
  return NEARLY_THERE.includes(kind) ? 3 : 15;
}

/** Seconds before attempt `attempt` (from 1); `luck` in 0..1 spreads pages that lost one server. */
export function backOff(attempt: number, least: number, luck: number, most = 15): number {
  const grown = Math.min(most, 0.5 * 2 ** Math.max(0, attempt - 1));
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

/** States in which the microphone cannot be used, each with words of its own in `common.microphone`. */
export type MicTrouble = Exclude<MicState, "off" | "on">;

export function micTrouble(state: MicState): MicTrouble | null {
  return state === "off" || state === "on" ? null : state;
}
