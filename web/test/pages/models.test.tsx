// @vitest-environment happy-dom

import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { sizeWords } from "../../src/pages/models/bytes";
import { visit, type Answers } from "../visit";

const model = (name: string, engine: string, more: object = {}): object => ({
  ...{ name, engine, bytes: 148e6, arrived: 0, state: "absent", licence: "MIT", source: "Systran/x @ abc", fits: true },
  ...{ obstacle: "", memory: 3e8, use: "" },
  ...more,
});

const MODELS = [
  model("base", "whisper", { state: "on disk", use: "answers" }),
  model("tiny", "whisper", { state: "on disk" }),
  model("small", "whisper"),
  model("large-v3", "whisper", { bytes: 3.1e9, fits: false, obstacle: "speed" }),
  model("kokoro-v1.0.int8", "kokoro", { state: "begun", arrived: 74e6 }),
  model("Qwen3-8B", "llm", { bytes: 5e9, fits: false, obstacle: "memory", memory: 6.2e9 }),
];

const found = (more: object = {}): object => ({
  ...{ models: MODELS, recommended: ["base", "small"], jobs: [], disk_free: 12.5e9 },
  ...more,
});

const job = (more: object = {}): object => ({
  ...{ id: 7, kind: "pull", model: "small", state: "running", step: "small/model.bin", done: 50e6, total: 100e6, speed: 5e6 },
  ...{ message: "", advice: "", faults: [] },
  ...more,
});

const open = (body: object, more: Answers = {}) => visit("/models", { "/api/models": { body }, ...more });

const row = async (name: string): Promise<HTMLElement> => {
  const heading = (await screen.findAllByRole("heading", { level: 3, name })).at(-1);
  return heading?.closest("li") ?? document.body;
};

describe("the models", () => {
  it("show what is here, what fits and why not", async () => {
    await open(found());
    within(await row("base")).getByText("In use");
    within(await row("large-v3")).getByText("Too slow here");
    within(await row("Qwen3-8B")).getByText("Needs 6.2 GB of memory");
    within(await row("kokoro-v1.0.int8")).getByText("50% here");
    within(await row("small")).getByText("148 MB · MIT · from Systran/x");
    screen.getByText("12.5 GB are free on the disk.");
  });

  it("offer what would be better, and fetch it", async () => {
    const { user, requests } = await open(found(), { "POST /api/models/small": { status: 202, body: job() } });
    const better = await screen.findByRole("region", { name: "Better for this appliance" });
    await user.click(within(better).getByRole("button", { name: "Fetch: small" }));
    await waitFor(() => expect(requests.map(({ method, path }) => `${method} ${path}`)).toContain("POST /api/models/small"));
  });

  it("are the best that fit where nothing is recommended that is not here", async () => {
    await open(found({ recommended: ["base"] }));
    await screen.findByText("What is here is the best that fits.");
  });

  it("ask before one is removed, and offer it only where it is not in use", async () => {
    const { user, requests } = await open(found(), { "DELETE /api/models/tiny": { status: 202, body: job({ kind: "rm" }) } });
    expect(within(await row("base")).queryByRole("button")).toBeNull();
    await user.click(within(await row("tiny")).getByRole("button", { name: "Remove: tiny" }));
    const dialog = await screen.findByRole("dialog");
    expect(requests.some(({ method }) => method === "DELETE")).toBe(false);
    await user.click(within(dialog).getByRole("button", { name: "Remove" }));
    await waitFor(() => expect(requests.some(({ method }) => method === "DELETE")).toBe(true));
  });

  it("show a download that was begun elsewhere, and cancel it", async () => {
    const { user, requests } = await open(found({ jobs: [job(), job({ id: 8, kind: "verify", model: "", state: "queued", total: 0 })] }), {
      "DELETE /api/models/jobs/7": { status: 204 },
    });
    const bar = await screen.findByRole<HTMLProgressElement>("progressbar", { name: "Fetching small" });
    expect([bar.value, bar.max]).toEqual([50e6, 100e6]);
    screen.getByText("small/model.bin · 50 MB / 100 MB · 5 MB a second");
    screen.getByText("Waiting");
    await user.click(screen.getByRole("button", { name: "Cancel: Fetching small" }));
    await waitFor(() => expect(requests.some(({ path }) => path === "/api/models/jobs/7")).toBe(true));
  });

  it.each([
    [{ state: "failed", message: "no source has it.", advice: "Is the network there?" }, "It did not work: no source has it. Is the network there?"],
    [{ state: "cancelled" }, "Cancelled. What has arrived is kept."],
    [{ state: "failed", kind: "verify", faults: [{ path: "/m/tiny/model.bin" }] }, "Damaged: model.bin. Fetch the model again to repair it."],
    [{ state: "done", kind: "verify" }, "Every file is as it should be."],
  ])("say how the last job ended: %j", async (ended, words) => {
    await open(found({ jobs: [job(ended)] }));
    await screen.findByText(words);
  });
});

describe("sizes", () => {
  it.each([
    [92e6, "en", "92 MB"],
    [1.62e9, "de", "1,6 GB"],
  ])("%d in %s", (bytes, language, words) => expect(sizeWords(bytes, language)).toBe(words));
});
