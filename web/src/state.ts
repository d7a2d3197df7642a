/** Raw transport states and a few facts, derived to the few states that a person sees. */

import type { TransportState } from "@pipecat-ai/client-js";
import type { Failure } from "./failures";

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
  if (facts.failure?.kind === "not_paired") return "unpaired";
  if (facts.failure && !facts.retry) return "failed";
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

const WORDS: Record<UiState, string> = {
  idle: "Ready when you are",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
  waiting: "Trying again",
  unpaired: "Not paired yet",
  failed: "Not connected",
};

export type Ear = "open" | "muted" | "none";

/** Text of the status line; without a microphone nothing is being heard. */
export function stateWords(state: UiState, ear: Ear): string {
  if (state !== "listening" || ear === "open") return WORDS[state];
  return ear === "muted" ? "Muted" : "Connected, type below";
}
