/** Raw transport states and a few facts, derived to the few states that a person sees. */

import type { TransportState } from "@pipecat-ai/client-js";
import type { Failure } from "../server/failures";

export interface Facts {
  /** The user pressed Connect and has not hung up. */
  wanted: boolean;
  /** The browser is asking for the microphone. */
  asking: boolean;
  transport: TransportState;
  failure: Failure | null;
  /** The next attempt, where one is planned: `at` in ms since the epoch. */
  retry: { attempt: number; at: number } | null;
  userSpeaking: boolean;
  botSpeaking: boolean;
  /** An utterance is complete and its answer has not begun. */
  thinking: boolean;
  /** Whether the conversation is kept; null while no session is up. */
  kept: boolean | null;
}

export const AT_REST: Facts = {
  wanted: false,
  asking: false,
  transport: "disconnected",
  failure: null,
  retry: null,
  userSpeaking: false,
  botSpeaking: false,
  thinking: false,
  kept: null,
};

export type UiState =
  | "idle"
  | "asking"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "waiting"
  | "unpaired"
  | "failed";

/** The one place where raw states become what the page shows. */
export function uiState(facts: Facts): UiState {
  if (facts.failure?.kind === "not_paired" || facts.failure?.kind === "revoked") return "unpaired";
  if (facts.failure && !facts.retry && facts.failure.kind !== "ended") return "failed";
  if (!facts.wanted || facts.transport === "disconnecting") return "idle";
  if (facts.retry) return "waiting";
  if (facts.asking) return "asking";
  if (facts.transport !== "ready") return "connecting";
  if (facts.userSpeaking) return "hearing";
  if (facts.botSpeaking) return "speaking";
  return facts.thinking ? "thinking" : "listening";
}

/** States in which a session is up: the user can speak and type. */
export function isLive(state: UiState): boolean {
  return ["listening", "hearing", "thinking", "speaking"].includes(state);
}

/** States in which the big button hangs up; in all others it connects. */
export function canHangUp(state: UiState): boolean {
  return isLive(state) || ["asking", "connecting", "waiting"].includes(state);
}

export type Ear = "open" | "muted" | "none";

/** What the status line says, as a key of `talk.state`: without a microphone nothing is being heard. */
export function statusOf(state: UiState, ear: Ear): UiState | "muted" | "typing" {
  if (state !== "listening" || ear === "open") return state;
  return ear === "muted" ? "muted" : "typing";
}
