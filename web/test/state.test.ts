import { describe, expect, it } from "vitest";
import { explain } from "../src/server/failures";
import { AT_REST, canHangUp, isLive, statusOf, uiState, type Facts, type UiState } from "../src/call/state";

const LIVE: Facts = { ...AT_REST, wanted: true, transport: "ready" };
const down = explain({ from: "network" });
const unpaired = explain({
  from: "http",
  status: 401,
  error: { code: "not_paired", message: "", advice: "" },
  retryAfter: 0,
});

const CASES: [string, Partial<Facts>, UiState][] = [
  ["nothing wanted", { wanted: false, transport: "disconnected" }, "idle"],
  ["hanging up", { transport: "disconnecting" }, "idle"],
  ["the microphone prompt is open", { asking: true, transport: "disconnected" }, "asking"],
  ["devices are initialised", { transport: "initialized" }, "connecting"],
  ["the socket opens", { transport: "connecting" }, "connecting"],
  ["the bot is not ready yet", { transport: "connected" }, "connecting"],
  ["ready", {}, "listening"],
  ["the user speaks", { userSpeaking: true }, "hearing"],
  ["the user speaks over the bot", { userSpeaking: true, botSpeaking: true }, "hearing"],
  ["an answer is due", { thinking: true }, "thinking"],
  ["the bot speaks", { botSpeaking: true, thinking: true }, "speaking"],
  ["a retry is planned", { failure: down, retry: { attempt: 1, at: 0 }, transport: "connecting" }, "waiting"],
  ["failed for good", { failure: down }, "failed"],
  ["not paired", { failure: unpaired, wanted: false }, "unpaired"],
];

describe("uiState", () => {
  it.each(CASES)("%s", (_, part, expected) => {
    expect(uiState({ ...LIVE, ...part })).toBe(expected);
  });

  it("lets the user hang up in every state in which something is under way", () => {
    const states = CASES.map(([, , state]) => state);
    for (const state of states.filter(isLive)) expect(canHangUp(state)).toBe(true);
    expect(states.filter((state) => !canHangUp(state)).sort()).toEqual(["failed", "idle", "idle", "unpaired"]);
  });

  it("does not claim to listen without a microphone", () => {
    expect(statusOf("listening", "open")).toBe("listening");
    expect(statusOf("listening", "muted")).toBe("muted");
    expect(statusOf("listening", "none")).toBe("typing");
    expect(statusOf("speaking", "none")).toBe("speaking");
  });
});
