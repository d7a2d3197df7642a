// @vitest-environment happy-dom

import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { figures, line } from "../../src/app/debug/figures";
import type { Measures } from "../../src/call/call";
import { visit } from "../visit";

const NOTHING: Measures = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, unsent: 0, refused: 0, underruns: 0, bufferedMs: 0 };

describe("the debug panel", () => {
  it("is not there unless it is asked for", async () => {
    await visit("/");
    await screen.findByRole("button", { name: "Connect" });
    expect(screen.queryByRole("complementary", { name: "Debug" })).toBeNull();
  });

  it("shows figures, the round trip and the latest events, and can be hidden", async () => {
    history.replaceState(null, "", "/?debug");
    const { user } = await visit("/", { "/api/ping": { status: 204 } });
    const panel = await screen.findByRole("complementary", { name: "Debug" });
    await waitFor(() => expect(panel.textContent).toMatch(/Round trip\d+ ms/));
    window.__appliance?.events.push({ at: 1000, type: "ui", detail: "listening" });
    await waitFor(() => expect(panel.textContent).toContain('1.000 ui "listening"'));
    await user.click(screen.getByRole("button", { name: "Hide" }));
    expect(screen.queryByRole("complementary", { name: "Debug" })).toBeNull();
    history.replaceState(null, "", "/");
  });

  it("says how much crosses a second, from two measurements", () => {
    const before = { ...NOTHING, bytesIn: 1_000 };
    const now = { ...NOTHING, framesIn: 12, framesOut: 3, bytesIn: 26_000, bytesOut: 1_000, bufferedMs: 80.4, underruns: 2, refused: 1, unsent: 4 };
    expect(figures(now, before, 0.5, "en")).toEqual([
      ["frames", "12 / 3"],
      ["rate", "50 / 2"],
      ["buffered", "80 ms"],
      ["underruns", "2"],
      ["dropped", "1 / 4"],
    ]);
  });

  it("writes an event on one line", () => {
    expect(line({ at: 1234.5, type: "ui", detail: "listening" })).toBe('1.234 ui "listening"');
    expect(line({ at: 0, type: "bot-started", detail: undefined })).toBe("0.000 bot-started");
    expect(line({ at: 0, type: "output", detail: "x".repeat(999) })).toHaveLength(161);
  });
});
