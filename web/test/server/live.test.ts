// @vitest-environment happy-dom

import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EventReader } from "../../src/server/event-stream";
import { applyEvent, LiveConnection } from "../../src/server/live";
import { tasksQuery } from "../../src/server/tasks";
import { timersQuery } from "../../src/server/timers";

afterEach(() => vi.unstubAllGlobals());

const TIMER = { id: "t", name: "tea", state: "set", due: 1, seconds: 60, left: 60, client_id: "c" };
const TASK = { id: "k", agent: "claude", state: "running", request: "do it", progress: "", created_at: 1, updated_at: 1 };

describe("the stream of events", () => {
  it("is read however it is cut into pieces", () => {
    const stream = `event: hello\ndata: {"a":1}\n\n: alive\n\nevent: timer\ndata: {"id":"x"}\n\n`;
    const expected = [
      { topic: "hello", data: { a: 1 } },
      { topic: "timer", data: { id: "x" } },
    ];
    for (const size of [1, 7, 1000]) {
      const reader = new EventReader();
      const pieces = stream.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect(pieces.flatMap((piece) => reader.feed(piece))).toEqual(expected);
    }
  });

  it("is passed over where it is none", () => {
    expect(new EventReader().feed("<html>\n\nevent: x\ndata: {\n\n\n\n")).toEqual([]);
  });
});

describe("an event", () => {
  it("changes the timers and tasks that the page knows", () => {
    const queries = new QueryClient();
    queries.setQueryData(timersQuery.queryKey, []);
    queries.setQueryData(tasksQuery.queryKey, []);
    applyEvent(queries, { topic: "timer", data: TIMER });
    applyEvent(queries, { topic: "task-update", data: TASK });
    applyEvent(queries, { topic: "timer", data: { state: "burst" } });
    expect(queries.getQueryData(timersQuery.queryKey)?.map(({ name }) => name)).toEqual(["tea"]);
    expect(queries.getQueryData(tasksQuery.queryKey)?.map(({ request }) => request)).toEqual(["do it"]);
    expect(queries.getQueryState(timersQuery.queryKey)?.isInvalidated).toBe(false);
  });

  it("has what it is about asked for anew, and all of it after a gap", () => {
    const queries = new QueryClient();
    const known = ["timers", "tasks", "conversations", "settings"];
    for (const key of known) queries.setQueryData([key], []);
    const stale = (): string[] => known.filter((key) => queries.getQueryState([key])?.isInvalidated);
    applyEvent(queries, { topic: "settings", data: {} });
    applyEvent(queries, { topic: "of another version", data: {} });
    expect(stale()).toEqual(["settings"]);
    applyEvent(queries, { topic: "hello", data: {} });
    expect(stale()).toEqual(known);
  });
});

describe("the light connection", () => {
  it("connects again when the appliance comes back", async () => {
    const answers = [
      new Response(null, { status: 502 }),
      new Response(`event: hello\ndata: {}\n\n`),
      new Response(`event: hello\ndata: {}\n\nevent: notice\ndata: 7\n\n`),
    ];
    const never = (signal: AbortSignal): Promise<Response> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    vi.stubGlobal("fetch", (_: string, { signal }: { signal: AbortSignal }) => Promise.resolve(answers.shift() ?? never(signal)));
    const heard: string[] = [];
    const stop = new LiveConnection(({ topic }) => heard.push(topic)).start();
    await vi.waitFor(() => expect(heard).toEqual(["hello", "hello", "notice"]), { timeout: 20_000 });
    stop();
  });
});
