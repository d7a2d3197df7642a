/** Badges that show which engines answer. Their meaning never depends on colour alone. */

import type { Health, RouteMessage } from "./messages";

/** The route and the engines that answer, by name. */
export interface InUse {
  route: string;
  stt: string;
  tts: string;
  llm: string;
  leftTheBox: boolean;
}

export interface Badge {
  tone: "local" | "starter" | "cloud";
  label: string;
  meaning: string;
}

/** Badges for a route. The starter voice is eSpeak; anything that left the box is "cloud". */
export function badgesFor(inUse: InUse): Badge[] {
  const badges: Badge[] = inUse.leftTheBox
    ? [{ tone: "cloud", label: "cloud", meaning: "What you say leaves this network" }]
    : [{ tone: "local", label: "on this device", meaning: "Nothing leaves the appliance" }];
  if (inUse.tts.toLowerCase().startsWith("espeak")) {
    badges.push({ tone: "starter", label: "starter voice", meaning: "The small built-in voice is speaking" });
  }
  return badges;
}

/** The known engines in one line. */
export function enginesLine(inUse: InUse): string {
  const parts: [string, string][] = [
    ["hears with", inUse.stt],
    ["thinks with", inUse.llm],
    ["speaks with", inUse.tts],
  ];
  return parts.filter(([, name]) => name && name !== "none").map((pair) => pair.join(" ")).join(" · ");
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

/** Versions for the footer. Only paired browsers are given the appliance's version. */
export function versionsLine(health: Health, page: string): string {
  const appliance = health.version && [...(health.ready ? [] : ["engines are loading"]), `appliance ${health.version}`];
  return [appliance, `page ${page}`].flat().filter(Boolean).join(" · ");
}
