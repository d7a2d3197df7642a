/**
 * The light connection: what happens on the appliance reaches the open page, in a call or not, and
 * from here the query cache. Whatever may have been missed is asked for anew after each connect.
 */

import type { QueryClient } from "@tanstack/react-query";
import { EventReader, type StreamEvent } from "./event-stream";
import { backOff } from "./failures";
import { PATHS, readTask, readTimer, type TaskUpdateMessage, type TimerMessage } from "./messages";
import { fields } from "./reading";
import { noteTask } from "./tasks";
import { noteTimer } from "./timers";

/** The appliance shows a sign of life every ten seconds. */
const SILENCE_MS = 25_000;

/** A browser that is not paired, and one with too many pages, is told so for longer. */
const REFUSED_SECONDS = 30;

/** Queries that begin with the topic's key are asked for anew when it is heard of. */
const KEYS: Record<string, readonly string[][]> = {
  conversations: [["conversations"]],
  settings: [["settings"]],
  models: [["models"]],
  clients: [["clients"], ["me"]],
  engines: [["health"], ["status"]],
};

/** What may have changed while nobody listened. */
const AFTER_A_GAP: readonly string[][] = [["timers"], ["tasks"], ["conversations"], ["health"]];

/** Takes a report into the cache, from here or from a session. */
export function applyReport(queries: QueryClient, message: TimerMessage | TaskUpdateMessage): void {
  if (message.type === "timer") noteTimer(queries, message);
  else noteTask(queries, message);
}

export function applyEvent(queries: QueryClient, { topic, data }: StreamEvent): void {
  if (topic === "timer" || topic === "task-update") {
    const message = topic === "timer" ? readTimer(fields(data)) : readTask(fields(data));
    if (message) applyReport(queries, message);
    return;
  }
  const keys = topic === "hello" ? AFTER_A_GAP : (KEYS[topic] ?? []);
  for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
}

/** Follows the appliance from `start` to `stop`; one that is away is tried again and again. */
export class LiveConnection {
  private stopped = false;
  private abort = new AbortController();
  private wakeUp: () => void = () => undefined;

  constructor(private readonly onEvent: (event: StreamEvent) => void) {}

  start(): () => void {
    const wake = (): void => {
      if (!document.hidden) this.wakeUp();
    };
    addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    void this.run();
    return () => {
      removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
      this.stopped = true;
      this.abort.abort();
      this.wakeUp();
    };
  }

  private async run(): Promise<void> {
    let attempt = 0;
    while (!this.stopped) {
      const end = await this.follow();
      attempt = end === "heard" ? 0 : attempt + 1;
      const least = end === "refused" ? REFUSED_SECONDS : 0;
      if (!this.stopped) await this.pause(backOff(attempt + 1, least, Math.random()));
    }
  }

  /** One connection: how it ended, once events were heard, without an answer, or with a refusal. */
  private async follow(): Promise<"heard" | "silent" | "refused"> {
    this.abort = new AbortController();
    let watchdog = setTimeout(() => this.abort.abort(), SILENCE_MS);
    let heard = false;
    try {
      const answer = await fetch(PATHS.events, { cache: "no-store", signal: this.abort.signal });
      if (!answer.ok || !answer.body) return answer.status < 500 ? "refused" : "silent";
      const reader = new EventReader();
      const decoder = new TextDecoder();
      const stream = answer.body.getReader();
      for (;;) {
        const { done, value } = await stream.read();
        if (done) break;
        heard = true;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => this.abort.abort(), SILENCE_MS);
        reader.feed(decoder.decode(value, { stream: true })).forEach(this.onEvent);
      }
    } catch {
      // A connection that breaks off is one to be made again, whatever the reason.
    } finally {
      clearTimeout(watchdog);
    }
    return heard ? "heard" : "silent";
  }

  private async pause(seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wakeUp = () => undefined;
  }
}
