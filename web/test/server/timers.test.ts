import { describe, expect, it } from "vitest";
import { readServerMessage, type TimerMessage } from "../../src/server/messages";
import { applyTimer, clockWords, secondsLeft, type Timer } from "../../src/server/timers";

const NOW = 1_000_000;

function report(id: string, state: TimerMessage["state"], left: number): TimerMessage {
  const message = readServerMessage({ type: "timer", id, name: "", state, due: 7, seconds: 60, left, client_id: "c" });
  if (message?.type !== "timer") throw new Error("this is a timer");
  return message;
}

const ids = (timers: Timer[]): string[] => timers.map(({ id }) => id);

describe("timers", () => {
  it("are listed the most urgent first, and go when they are stopped or cancelled", () => {
    let timers: Timer[] = [];
    for (const message of [report("later", "set", 20), report("paused", "paused", 1), report("soon", "set", 10)])
      timers = applyTimer(timers, message, NOW);
    expect(ids(timers)).toEqual(["soon", "later", "paused"]);
    timers = applyTimer(timers, report("later", "rang", -1), NOW);
    timers = applyTimer(timers, report("missed", "missed", -200), NOW);
    expect(ids(timers)).toEqual(["later", "missed", "soon", "paused"]);
    timers = applyTimer(timers, report("later", "stopped", -5), NOW);
    timers = applyTimer(timers, report("soon", "cancelled", 5), NOW);
    expect(ids(timers)).toEqual(["missed", "paused"]);
  });

  it("count down by this browser's clock, whatever the appliance's shows", () => {
    const [running] = applyTimer([], report("a", "set", 90), NOW);
    const [paused] = applyTimer([], report("a", "paused", 90), NOW);
    expect([running, paused].map((timer) => timer && secondsLeft(timer, NOW + 30_000))).toEqual([60, 90]);
    expect(running && secondsLeft(running, NOW + 999_000)).toBe(0);
  });

  it.each([
    [5, "0:05"],
    [0.2, "0:01"],
    [750, "12:30"],
    [3723, "1:02:03"],
    [-4, "0:00"],
  ])("%s s left reads %s", (left, words) => expect(clockWords(left)).toBe(words));
});
