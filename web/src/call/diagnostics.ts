/**
 * `window.__appliance`: what the page knows about itself, for tests and for a person with a
 * console. Reading only; nothing in the page depends on it. Times are `performance.now()`.
 */

import type { Transcript } from "./transcript";
import type { UiState } from "./state";

export interface Happening {
  at: number;
  type: string;
  detail: unknown;
}

export interface Diagnostics {
  state: UiState;
  conversationId: string;
  transcript: Transcript;
  /** The latest events: every SessionEvent by its type, `ui` (state shown), `mic` (state),
      `audible` (true when speech begins to leave for the loudspeaker, false when it ends). */
  events: Happening[];
  /** Loudness of what leaves for the loudspeaker now, 0..1; 0 is silence. */
  outputLevel: () => number;
}

declare global {
  interface Window {
    __appliance?: Diagnostics;
  }
}

/** About ten minutes of talking; older events are dropped. */
const KEPT = 4000;

export function note(diagnostics: Diagnostics, type: string, detail: unknown): void {
  diagnostics.events.push({ at: performance.now(), type, detail });
  if (diagnostics.events.length > KEPT) diagnostics.events.splice(0, KEPT / 4);
}
