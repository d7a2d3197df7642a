/** Timers as the appliance reports them. Pure: the page never rings one by itself. */

import type { TimerMessage } from "../server/messages";

export interface Timer {
  id: string;
  name: string;
  /** Seconds since the epoch. */
  due: number;
  rang: boolean;
}

/** The list after a report, soonest first; rung timers stay until they are dismissed. */
export function applyTimer(timers: readonly Timer[], report: TimerMessage): Timer[] {
  const others = timers.filter((timer) => timer.id !== report.id);
  if (report.state === "cancelled" || report.state === "stopped") return others;
  const { id, name, due } = report;
  return [...others, { id, name, due, rang: report.state === "rang" || report.state === "missed" }].sort((a, b) => a.due - b.due);
}

/** Time left as people write it: 0:05, 12:30, 1:02:03. */
export function countdown(due: number, nowSeconds: number): string {
  const left = Math.max(0, Math.ceil(due - nowSeconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
