/** Timers: those that run or are paused, that ring, and that nobody heard. */

import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS, readTimer, type TimerMessage } from "./messages";
import { fields, list } from "./reading";

export interface Timer {
  id: string;
  /** Empty for a timer without a name. */
  name: string;
  state: "set" | "paused" | "rang" | "missed";
  /** The length that it was set to, in seconds. */
  seconds: number;
  /** What was left when the appliance reported it, in seconds. */
  left: number;
  /** When it is due by this browser's clock, in ms; the appliance's may be another. */
  endsAt: number;
  clientId: string;
}

function fromMessage(message: TimerMessage, nowMs: number): Timer | null {
  const { id, name, state, seconds, left, client_id } = message;
  if (state === "stopped" || state === "cancelled") return null;
  return { id, name, state, seconds, left, endsAt: nowMs + left * 1000, clientId: client_id };
}

/** Ringing ones first, then missed ones, then the soonest; a paused one waits at the end. */
const ORDER: Record<Timer["state"], number> = { rang: 0, missed: 1, set: 2, paused: 3 };

function byUrgency(a: Timer, b: Timer): number {
  return ORDER[a.state] - ORDER[b.state] || a.endsAt - b.endsAt;
}

/** The list after a report. */
export function applyTimer(timers: readonly Timer[], message: TimerMessage, nowMs: number): Timer[] {
  const others = timers.filter((timer) => timer.id !== message.id);
  const timer = fromMessage(message, nowMs);
  return (timer ? [...others, timer] : others).sort(byUrgency);
}

/** Seconds left now; those that remain while it is paused. */
export function secondsLeft(timer: Timer, nowMs: number): number {
  return Math.max(0, timer.state === "paused" ? timer.left : (timer.endsAt - nowMs) / 1000);
}

/** A length as people write it: 0:05, 12:30, 1:02:03. */
export function clockWords(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

async function fetchTimers(): Promise<Timer[]> {
  const messages = list(fields(await ask("GET", PATHS.timers))["timers"]).map((timer) => readTimer(fields(timer)));
  const now = Date.now();
  return messages.flatMap((message) => (message && fromMessage(message, now)) ?? []).sort(byUrgency);
}

export const timersQuery = queryOptions({ queryKey: ["timers"], queryFn: fetchTimers });

/** Takes a report of one timer into the list, if that is known. */
export function noteTimer(queries: QueryClient, message: TimerMessage): void {
  const { queryKey } = timersQuery;
  if (queries.getQueryData(queryKey) === undefined) return void queries.invalidateQueries({ queryKey });
  queries.setQueryData(queryKey, (timers) => timers && applyTimer(timers, message, Date.now()));
}

const path = (id: string): string => `${PATHS.timers}/${encodeURIComponent(id)}`;

export async function setTimer(seconds: number, name: string): Promise<void> {
  await ask("POST", PATHS.timers, { seconds, name });
}

export async function changeTimer(id: string, change: { name?: string; paused?: boolean }): Promise<void> {
  await ask("PATCH", path(id), change);
}

/** Cancels it, silences it where it rings, dismisses it where it was missed. */
export async function endTimer(id: string): Promise<void> {
  await ask("DELETE", path(id));
}
