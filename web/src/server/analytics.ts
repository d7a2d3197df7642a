/** Figures of use by day. For administrators. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

const STAGES = ["endpointing", "transcription", "first_token", "first_audio"] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds after the end of speech. */
export interface Latency {
  p50: number;
  p95: number;
}

export interface Day {
  /** Its date in ISO form. */
  day: string;
  turns: number;
  wordsHeard: number;
  wordsSaid: number;
  sessions: number;
  interruptions: number;
  failures: number;
  latency: Partial<Record<Stage, Latency>>;
}

function readDay(value: unknown): Day {
  const day = fields(value);
  const latency: Day["latency"] = {};
  for (const stage of STAGES) {
    const span = fields(fields(day["latency"])[stage]);
    if (span["turns"]) latency[stage] = { p50: number(span["p50"]), p95: number(span["p95"]) };
  }
  return {
    day: text(day["day"]),
    turns: number(day["turns"]),
    wordsHeard: number(day["words_heard"]),
    wordsSaid: number(day["words_said"]),
    sessions: number(day["sessions"]),
    interruptions: number(day["interruptions"]),
    failures: number(day["failures"]),
    latency,
  };
}

/** Oldest first, quiet days too. */
export function analyticsQuery(days: number) {
  return queryOptions({
    queryKey: ["analytics", days],
    queryFn: async () => list(fields(await ask("GET", `${PATHS.analytics}?days=${days}`))["days"]).map(readDay),
    staleTime: 60_000,
  });
}

/** The raw figures of every turn, for a spreadsheet. */
export function rawFigures(days: number): string {
  return `${PATHS.analyticsCsv}?days=${days}`;
}
