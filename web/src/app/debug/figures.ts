/** The panel's figures and lines. Pure. */

import type { Measures } from "../../call/call";
import type { Happening } from "../../call/diagnostics";

type Name = "frames" | "rate" | "buffered" | "underruns" | "dropped";

/** Longest line of an event: one that carries an answer would fill the panel. */
const LONGEST = 160;

/** `seconds` lie between the two measurements. */
export function figures(now: Measures, before: Measures, seconds: number, language: string): [Name, string][] {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const pair = (a: number, b: number): string => `${number.format(a)} / ${number.format(b)}`;
  const rate = (a: number, b: number): number => (a - b) / 1000 / seconds;
  return [
    ["frames", pair(now.framesIn, now.framesOut)],
    ["rate", pair(rate(now.bytesIn, before.bytesIn), rate(now.bytesOut, before.bytesOut))],
    ["buffered", `${number.format(Math.round(now.bufferedMs))} ms`],
    ["underruns", number.format(now.underruns)],
    ["dropped", pair(now.refused, now.unsent)],
  ];
}

/** An event as "12.345 transcript {…}": seconds since the page was opened, type, detail. */
export function line({ at, type, detail }: Happening): string {
  const rest = detail === undefined ? "" : ` ${JSON.stringify(detail)}`;
  const text = `${(at / 1000).toFixed(3)} ${type}${rest}`;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
