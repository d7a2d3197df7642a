/** What components see of a call, beside its transcript. */

import type { MicState } from "../server/failures";
import type { InUse } from "./badges";
import type { Listening } from "./devices";
import { AT_REST, type Facts } from "./state";

export interface CallState {
  facts: Facts;
  mic: MicState;
  muted: boolean;
  listening: Listening;
  /** With "hold" and "toggle": the button is down. */
  talking: boolean;
  /** Milliseconds to the appliance and back; null before the first answer. */
  roundTrip: number | null;
  /** Null until a session has reported it. */
  inUse: InUse | null;
  /** The session's sound is being kept. */
  recording: boolean;
}

export const AT_FIRST: Omit<CallState, "listening"> = {
  facts: AT_REST,
  mic: "off",
  muted: false,
  talking: false,
  roundTrip: null,
  inUse: null,
  recording: false,
};
