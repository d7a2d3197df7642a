import { describe, expect, it } from "vitest";
import { backOff, explain, micStateOf, micTrouble } from "../src/server/failures";

const refusal = (status: number, code: string, retryAfter = 0): ReturnType<typeof explain> =>
  explain({ from: "http", status, error: { code, message: "M.", advice: "A." }, retryAfter });

describe("explain", () => {
  it.each([
    [503, "session_limit", "full", true],
    [503, "not_ready", "loading", true],
    [401, "not_paired", "not_paired", false],
    [403, "forbidden", "refused", false],
    [400, "bad_request", "refused", false],
    [503, "model_missing", "refused", true],
  ])("%i %s", (status, code, kind, retries) => {
    const failure = refusal(status, code);
    expect(failure).toMatchObject({ kind, said: { message: "M.", advice: "A." } });
    expect(failure.retry !== null).toBe(retries);
  });

  it("waits as long as the appliance asks", () => {
    expect(refusal(429, "too_many_requests", 30).retry).toEqual({ after: 30 });
  });

  it("takes an answer without the appliance's error body for nginx alone", () => {
    expect(explain({ from: "http", status: 502, error: null, retryAfter: 0 }).kind).toBe("starting");
    expect(explain({ from: "network" }).kind).toBe("server_down");
  });

  it("comes back after a broken connection, not after an ended session", () => {
    expect(explain({ from: "socket", code: 1006, reason: "" }).retry).not.toBeNull();
    expect(explain({ from: "socket", code: 1001, reason: "" }).retry).not.toBeNull();
    const ended = explain({ from: "socket", code: 1000, reason: "Idle for five minutes." });
    expect(ended).toMatchObject({ kind: "ended", said: { message: "Idle for five minutes." }, retry: null });
  });

  it("asks a client to pair again whose access was taken away", () => {
    const revoked = explain({ from: "socket", code: 4401, reason: "revoked" });
    expect(revoked).toMatchObject({ kind: "revoked", retry: null });
  });

  it("shows where to read how to trust the certificate", () => {
    expect(explain({ from: "trust" }).link).toBe("/trust.html");
  });
});

describe("backOff", () => {
  it("grows, spreads and never exceeds its ceiling", () => {
    const waits = [1, 2, 3, 4, 5, 6, 50].map((attempt) => backOff(attempt, 0, 0.5));
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 15, 15]);
    expect(backOff(1, 0, 0)).toBeLessThan(backOff(1, 0, 1));
  });

  it("never waits less than was asked for", () => {
    expect(backOff(1, 8, 0)).toBe(8);
  });
});

describe("the microphone", () => {
  it.each([
    ["NotAllowedError", "refused"],
    ["NotFoundError", "missing"],
    ["NotReadableError", "busy"],
    ["", "busy"],
  ])("%s", (name, state) => expect(micStateOf(name)).toBe(state));

  it("is no trouble while it is open, and before anybody wanted it", () => {
    expect([micTrouble("on"), micTrouble("off"), micTrouble("lost")]).toEqual([null, null, "lost"]);
  });
});
