// @vitest-environment happy-dom

import { act, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Call } from "../../src/call/call";
import type { CallState } from "../../src/call/call-state";
import { AT_REST } from "../../src/call/state";
import { EMPTY, reduce } from "../../src/call/transcript";
import { visit, type Answers, type Visit } from "../visit";

const LISTENING = { ...AT_REST, wanted: true, transport: "ready" as const };
const ENDED = { ...AT_REST, failure: { kind: "ended" as const, said: null, retry: null } };

function microphone(state: PermissionState): void {
  Object.defineProperty(navigator, "permissions", { value: { query: async () => ({ state }) }, configurable: true });
}

function becomes(call: Call, change: Partial<CallState>): void {
  act(() => call.state.update(change));
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function wall(language = "en", answers: Answers = {}): Promise<Visit & { starts: () => number }> {
  const { call, ...rest } = await visit("/wall", answers, language);
  const start = vi.spyOn(call, "start").mockResolvedValue();
  await screen.findByRole("main");
  return { ...rest, call, starts: () => start.mock.calls.length };
}

describe("the wall view", () => {
  it("shows the time, the date and no navigation", async () => {
    microphone("prompt");
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 2, 5, 17, 42) });
    await wall("de");
    await waitFor(() => expect(screen.getByRole("time").textContent).toBe("17:42"));
    expect(screen.getByText("Donnerstag, 5. März")).toBeTruthy();
    expect(screen.queryByRole("navigation")).toBeNull();
  });

  it("waits for a touch where the browser would ask for the microphone", async () => {
    microphone("prompt");
    const { user, starts } = await wall();
    const listen = await screen.findByRole("button", { name: "Listen" });
    expect(starts()).toBe(0);
    await user.click(listen);
    expect(starts()).toBe(1);
  });

  it("listens by itself where the microphone was allowed, and again after a quiet session", async () => {
    microphone("granted");
    const { call, starts } = await wall();
    await waitFor(() => expect(starts()).toBe(1));
    becomes(call, { facts: LISTENING, mic: "on" });
    expect(screen.getByRole("status").textContent).toBe("Listening");
    becomes(call, { facts: ENDED });
    await waitFor(() => expect(starts()).toBe(2));
    becomes(call, { facts: LISTENING });
    becomes(call, { facts: AT_REST });
    await screen.findByRole("button", { name: "Listen" });
    expect(starts()).toBe(2);
  });

  it("says what is wrong and what to do", async () => {
    microphone("prompt");
    const { call } = await wall();
    becomes(call, { facts: { ...AT_REST, failure: { kind: "full", said: null, retry: null } } });
    expect(screen.getByRole("status").textContent).toContain("All places are taken");
  });

  it("shows the question with its answer, and timers with what is left of them", async () => {
    microphone("prompt");
    const timer = (id: string, state: string, left: number): object => ({ id, name: id, state, due: 0, seconds: 3600, left, client_id: "me" });
    const { call, user, requests } = await wall("en", {
      "/api/timers": { body: { timers: [timer("tea", "set", 3600), timer("egg", "rang", -1)] } },
      "DELETE /api/timers/egg": { status: 204 },
    });
    const now = Date.now();
    let transcript = reduce(EMPTY, { type: "user", text: "what time is it", final: true }, now);
    transcript = reduce(transcript, { type: "shown", id: 1, text: "It is noon." }, now);
    act(() => call.transcript.set(transcript));
    await waitFor(() => expect(screen.getByRole("main").textContent).toContain("It is noon."));
    expect(screen.getByRole("main").textContent).toContain("what time is it");
    const list = await screen.findByRole("list", { name: "Timers" });
    expect(list.textContent).toMatch(/^eggTime is upStoptea(1:00:00|59:5\d)$/);
    await user.click(within(list).getByRole("button", { name: "Stop egg" }));
    await waitFor(() => expect(requests.some(({ method, path }) => method === "DELETE" && path === "/api/timers/egg")).toBe(true));
  });

  it("reads an answer's Markdown, and shows words while they are said", async () => {
    microphone("prompt");
    const { call } = await wall();
    const now = Date.now();
    act(() => call.transcript.set(reduce(EMPTY, { type: "shown", id: 1, text: "Boil it **nine** minutes." }, now)));
    expect((await screen.findByText("nine")).tagName).toBe("STRONG");
    act(() => call.transcript.set(reduce(EMPTY, { type: "user", text: "what time", final: false }, now)));
    await screen.findByText(/what time/);
  });
});
