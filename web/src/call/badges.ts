/** Badges that show which engines answer. Their meaning never depends on colour alone. */

import type { Health, RouteMessage } from "../server/messages";

/** The route and the engines that answer, by name. */
export interface InUse {
  route: string;
  stt: string;
  tts: string;
  llm: string;
  leftTheBox: boolean;
}

/** Each has a label and a meaning in `talk.badges`. */
export type Badge = "local" | "starter" | "cloud";

/** Badges for a route. The starter voice is eSpeak; anything that left the box is "cloud". */
export function badgesFor(inUse: InUse): Badge[] {
  const where = inUse.leftTheBox ? "cloud" : "local";
  return inUse.tts.toLowerCase().startsWith("espeak") ? [where, "starter"] : [where];
}

/** The known engines in the order of a turn, by what they do. */
export function enginesIn(inUse: InUse): ["hears" | "thinks" | "speaks", string][] {
  const parts: ["hears" | "thinks" | "speaks", string][] = [
    ["hears", inUse.stt],
    ["thinks", inUse.llm],
    ["speaks", inUse.tts],
  ];
  return parts.filter(([, name]) => name && name !== "none");
}

export function inUseFromRoute({ route, engines, left_the_box }: RouteMessage): InUse {
  const name = (kind: string): string => engines[kind] ?? "";
  return { route, stt: name("stt"), tts: name("tts"), llm: name("llm"), leftTheBox: left_the_box };
}

/** The engines according to `/health`, until the session reports its route. */
export function inUseFromHealth(health: Health): InUse {
  const leftTheBox = health.route === "realtime";
  return { route: health.route, stt: health.stt, tts: health.tts, llm: "", leftTheBox };
}
