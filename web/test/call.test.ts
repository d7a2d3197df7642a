// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Call } from "../src/call/call";
import type { SessionEvent } from "../src/call/session";

/** Stands where the network begins: the sessions that the call opened, in their order. */
const opened: { emit: (event: SessionEvent) => void }[] = [];

vi.mock("../src/call/line", () => ({
  Line: class {
    setMuted(): void {}
    session(emit: (event: SessionEvent) => void): object {
      opened.push({ emit });
      const open = async (): Promise<void> => emit({ type: "state", state: "ready" });
      return { open, close: async () => undefined };
    }
  },
}));

vi.mock("../src/audio/speaker", () => ({
  Speaker: class {
    open = async (): Promise<void> => undefined;
    wake = async (): Promise<void> => undefined;
    flush = (): void => undefined;
  },
}));

let requests: string[];
let call: Call;

beforeEach(() => {
  vi.useFakeTimers();
  opened.length = 0;
  requests = [];
  vi.stubGlobal("fetch", async (path: string, { method }: RequestInit) => {
    requests.push(`${method} ${path}`);
    const body = { session_id: `s${opened.length + 1}`, conversation_id: "c1", ws_url: "/ws/s?token=t" };
    return new Response(JSON.stringify(body), { status: 201 });
  });
  call = new Call(true, async () => [], () => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const recorded = (): string[] => requests.filter((request) => request.endsWith("/recording"));
const says = (on: boolean): void => opened.at(-1)!.emit({ type: "server", message: { type: "recording", on } });

describe("a recording", () => {
  it("goes on in the session that follows a lost one", async () => {
    await call.start();
    await call.record(true);
    says(true);
    expect(call.state.get().recording).toBe(true);
    opened[0]!.emit({ type: "lost", code: 1006, reason: "" });
    expect(call.state.get().recording).toBe(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(opened).toHaveLength(2);
    expect(recorded()).toEqual(["POST /api/sessions/s1/recording", "POST /api/sessions/s2/recording"]);
  });

  it("ends with the call, and is not begun in the next", async () => {
    await call.start();
    says(true);
    await call.hangUp();
    expect(call.state.get().recording).toBe(false);
    await call.start();
    expect(recorded()).toEqual([]);
  });

  it("that was ended is not begun again", async () => {
    await call.start();
    says(true);
    says(false);
    opened[0]!.emit({ type: "lost", code: 1006, reason: "" });
    await vi.advanceTimersByTimeAsync(2000);
    expect(opened).toHaveLength(2);
    expect(recorded()).toEqual([]);
  });
});
