import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pulse } from "../src/call/pulse";

let answers: (() => void)[];
let silent: number;
let trips: number[];
let pulse: Pulse;

const answerAll = (): void => answers.splice(0).forEach((answer) => answer());
const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  [answers, silent, trips] = [[], 0, []];
  pulse = new Pulse(() => new Promise<void>((answer) => answers.push(answer)), {
    answered: (ms) => trips.push(ms),
    silent: () => silent++,
  });
});

afterEach(() => {
  pulse.stop();
  vi.useRealTimers();
});

describe("the pulse of a connection", () => {
  it("asks again and again while it is answered, and tells how long that took", async () => {
    pulse.start();
    for (let second = 0; second < 60; second++) {
      await passed(40);
      answerAll();
      await passed(960);
    }
    expect(silent).toBe(0);
    expect(trips.length).toBeGreaterThan(25);
    expect(trips[0]).toBe(40);
  });

  it("notices silence within five seconds of the last answer, and says so once", async () => {
    pulse.start();
    answerAll();
    await passed(0);
    const last = Date.now();
    while (!silent) await passed(100);
    expect(Date.now() - last).toBeLessThanOrEqual(5000);
    await passed(60_000);
    expect(silent).toBe(1);
  });

  it("is not fooled by its own sleep: an answer may lie unread", async () => {
    pulse.start();
    answerAll();
    await passed(1500);
    vi.setSystemTime(Date.now() + 60_000);
    await passed(500);
    expect(silent).toBe(0);
    answerAll();
    await passed(1000);
    expect(silent).toBe(0);
  });
});
