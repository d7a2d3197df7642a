/** Where the turns of a conversation stand in a recording of it. Pure. */

import type { Turn } from "../../server/conversations";
import type { Recording } from "../../server/recordings";

export interface Place {
  key: string;
  /** Of the recording, from its beginning. */
  second: number;
  said: string;
  answer: string;
}

/**
 * A turn is dated when its words are understood, some seconds after they began. The player goes back
 * by so much, but not into the turn before.
 */
const LEAD_SECONDS = 4;

/** The turns of the recording's session that fall into it, in their order. */
export function placesOf(recording: Recording, turns: readonly Turn[]): Place[] {
  const end = recording.startedAt + (recording.seconds ?? Infinity);
  const inside = turns.filter(
    ({ session, startedAt }) => session === recording.sessionId && startedAt >= recording.startedAt && startedAt <= end,
  );
  let before = 0;
  return inside.map(({ session, number, startedAt, said, answer }) => {
    const at = startedAt - recording.startedAt;
    const second = Math.max(before, at - LEAD_SECONDS);
    before = at;
    return { key: `${session} ${number}`, second, said, answer };
  });
}

/** Which of the places is heard at that second; -1 before the first. */
export function placeAt(places: readonly Place[], second: number): number {
  return places.findLastIndex((place) => place.second <= second + 0.05);
}
