// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { visit, type Answers } from "../visit";

const drawings = vi.hoisted(() => [] as unknown[][]);
// happy-dom has no canvas: what would be drawn is looked at instead.
vi.mock("uplot", () => ({
  default: class {
    static paths = {};
    constructor(_options: unknown, data: unknown[]) {
      drawings.push(data);
    }
    destroy(): void {}
    setSize(): void {}
  },
}));

const GB = 1e9;
const STATUS = {
  version: "1.4",
  sessions: 2,
  session_limit: 8,
  uptime_seconds: 7300,
  resident_bytes: 1.5 * GB,
  tasks: { running: 1, accepted: 2 },
  release: { update: "restart" },
  versions: { python: "3.11.7" },
  alerts: [
    { code: "hot", severity: "failure", message: "cpu is hot", advice: "", values: { sensor: "cpu", degrees: 97.4 } },
    { code: "of_tomorrow", severity: "note", message: "<i>Something new</i>", advice: "Look.", values: {} },
  ],
  engines: {
    stt: {
      ...{ name: "sphinx", state: "ready", why: "whisper failed: it broke" },
      ladder: [{ name: "whisper", state: "failed", error: "it broke", advice: "Pull it again." }, { name: "sphinx", state: "ready" }],
    },
  },
  language_model: { name: "", state: "off", why: "no model fits" },
  plan: { hardware: { model: "Jetson Orin Nano" }, accelerator: "CUDA" },
  gauges: { temperatures: { cpu: 97.4, gpu: 60 }, load: 0.42, memory_total: 8 * GB, memory_available: 2 * GB, power_mode: "15W" },
};

const DAYS = [
  { day: "2026-03-01", turns: 0, sessions: 0, latency: {} },
  {
    ...{ day: "2026-03-02", turns: 4, sessions: 1, words_heard: 20, words_said: 60, interruptions: 1, failures: 0 },
    latency: { first_audio: { turns: 4, p50: 800, p95: 1500 } },
  },
];

const FINDINGS = [
  { check: "disk", title: "Disk space", verdict: "ok", message: "plenty" },
  { check: "tts", title: "Voice", verdict: "failure", message: "no sound" },
];

const answers = (more: Answers = {}): Answers => ({
  "/api/status": { body: STATUS },
  "/api/selftest": { body: { running: false, report: { version: "1.4", started_at: 1, verdict: "failure", findings: FINDINGS }, history: [] } },
  "/api/analytics?days=30": { body: { days: DAYS } },
  ...more,
});

describe("the status", () => {
  it("says what is wrong before all else, in the page's language, without markup", async () => {
    await visit("/status", answers(), "de");
    const alerts = await screen.findByRole("region", { name: "Was Aufmerksamkeit braucht" });
    const [first, second] = within(alerts).getAllByRole("listitem");
    expect(first?.textContent).toContain("cpu hat 97 °C: zu heiß");
    expect(second?.textContent).toContain("<i>Something new</i>");
    const regions = screen.getAllByRole("region").map((region) => region.getAttribute("aria-label"));
    expect(regions[0]).toBe("Was Aufmerksamkeit braucht");
  });

  it("says so where nothing is wrong", async () => {
    await visit("/status", answers({ "/api/status": { body: { ...STATUS, alerts: [] } } }));
    await screen.findByText("All is well");
  });

  it("puts the failed check of the self-test on top", async () => {
    await visit("/status", answers());
    const rows = await screen.findAllByRole("row", { name: /Voice|Disk space/ });
    expect(rows.map((row) => row.getAttribute("data-verdict"))).toEqual(["failure", "ok"]);
  });

  it("shows who answers, why, and the whole ladder", async () => {
    await visit("/status", answers());
    const stt = within(await screen.findByRole("region", { name: "Listens" }));
    expect(stt.getByText("whisper failed: it broke")).toBeTruthy();
    expect(stt.getAllByRole("listitem").map((slot) => slot.textContent)).toEqual(["whisperfailedit broke Pull it again.", "sphinxready"]);
  });

  it("shows the gauges that the machine has, and no others", async () => {
    await visit("/status", answers());
    const machine = within(await screen.findByRole("region", { name: "Machine" }));
    expect(machine.getByText("6 GB of 8 GB")).toBeTruthy();
    expect(machine.getByText("97 °C (cpu)")).toBeTruthy();
    expect(machine.getByText("15W")).toBeTruthy();
    expect(machine.getByText("2 of 8 places")).toBeTruthy();
    expect(machine.queryByText("Graphics processor")).toBeNull();
    expect(screen.getByText(/Another release is installed/)).toBeTruthy();
  });
});

describe("the figures", () => {
  it("are drawn and stand in a table, with the raw ones to download", async () => {
    drawings.length = 0;
    const { user } = await visit("/status", answers({ "/api/analytics?days=7": { body: { days: [] } } }));
    const link = await screen.findByRole<HTMLAnchorElement>("link", { name: "Raw figures (CSV)" });
    expect(link.getAttribute("href")).toBe("/api/analytics.csv?days=30");
    await expect.poll(() => drawings.length).toBe(3);
    expect(drawings[0]?.slice(1, 3)).toEqual([
      [null, 0.8],
      [null, 1.5],
    ]);
    const row = screen.getByRole("row", { name: /2026/, hidden: true });
    expect(within(row).getAllByRole("cell", { hidden: true }).map((cell) => cell.textContent)).toEqual(["1", "4", "20", "60", "1", "0", "0.8", "1.5"]);
    await user.selectOptions(screen.getByLabelText("Time span"), "last 7 days");
    await screen.findByText("Nobody has talked in this time");
  });
});

describe("the log", () => {
  const entry = (id: number, level: string, message: string) => ({ id, at: 1_770_000_000 + id, level, logger: "appliance", message });
  const LOG = { entries: [entry(1, "info", "listening on <x>"), entry(2, "error", "it broke")] };

  it("is fetched when it is opened, newest first, and searched", async () => {
    const { user, requests } = await visit("/status", answers({ "/api/logs?level=info&limit=500": { body: LOG } }));
    const asked = (): boolean => requests.some(({ path }) => path.startsWith("/api/logs"));
    const title = await screen.findByRole("heading", { name: "Log of the last hour" });
    expect(asked()).toBe(false);
    await user.click(title);
    const lines = await screen.findByRole("list", { name: "Log of the last hour" });
    expect(within(lines).getAllByRole("listitem").map((line) => line.querySelector(".message")?.textContent)).toEqual(["it broke", "listening on <x>"]);
    await user.type(screen.getByLabelText("Contains"), "BROKE");
    expect(within(lines).getAllByRole("listitem")).toHaveLength(1);
  });
});
