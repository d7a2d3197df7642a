/** The log of the last hour, without secrets. For administrators. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

export const LEVELS = ["info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface LogEntry {
  id: number;
  /** Seconds since the epoch. */
  at: number;
  level: string;
  logger: string;
  message: string;
}

/** An hour of a busy appliance has more; the newest matter. */
const SHOWN = 500;
const LOOK_AGAIN_MS = 3000;

function readLine(value: unknown): LogEntry {
  const entry = fields(value);
  return {
    id: number(entry["id"]),
    at: number(entry["at"]),
    level: text(entry["level"]),
    logger: text(entry["logger"]),
    message: text(entry["message"]),
  };
}

/** Newest first. */
export function logQuery(level: Level, follow: boolean) {
  return queryOptions({
    queryKey: ["logs", level],
    queryFn: async () => list(fields(await ask("GET", `${PATHS.logs}?level=${level}&limit=${SHOWN}`))["entries"]).map(readLine).reverse(),
    refetchInterval: follow ? LOOK_AGAIN_MS : false,
  });
}
