// @vitest-environment happy-dom

import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { role, visit, type Answers } from "../visit";

const setting = (key: string, value: unknown, more: object = {}): object => ({
  ...{ key, value, default: value, source: "default", locked: false, restart: false, pending: false, kind: "text" },
  ...more,
});

const SETTINGS = {
  revision: "one",
  settings: [
    setting("tts.voice", "auto"),
    setting("tts.speed", 1, { minimum: 0.5, maximum: 2 }),
    setting("stt.language", "en"),
    setting("turn.stop_seconds", 0.2, { minimum: 0.1, maximum: 3 }),
    setting("turn.incomplete_seconds", 1.5, { minimum: 0.2, maximum: 10 }),
    setting("turn.start_seconds", 0.1, { minimum: 0.03, maximum: 2 }),
    setting("turn.min_volume", 0.45, { minimum: 0, maximum: 1 }),
    setting("turn.speculate", true),
    setting("limits.idle_seconds", 300, { minimum: 0 }),
    setting("llm.provider", "openai", { source: "page", default: "auto" }),
    setting("llm.base_url", ""),
    setting("llm.model", "tiny", { source: "environment", locked: true }),
    setting("llm.temperature", 0.7, { minimum: 0, maximum: 2 }),
    setting("llm.max_tokens", 400, { minimum: 1 }),
    setting("llm.system_prompt", "Be kind."),
    setting("fallback.policy", "off"),
    setting("retention.enabled", true),
    setting("retention.conversation_days", 0, { minimum: 0, maximum: 36500 }),
    setting("retention.hour", 3, { minimum: 0, maximum: 23 }),
    setting("tools.disabled", []),
    setting("tools.mcp.home.enabled", true),
    setting("agents.team.enabled", true, { restart: true }),
    setting("agents.claude.enabled", false, { restart: true }),
  ],
  keys: [{ name: "OPENAI_API_KEY", set: true, locked: false }],
  restart_needed: [] as string[],
};

const VOICES = {
  languages: [
    {
      ...{ code: "en", own_name: "English" },
      voices: [
        { id: "af_sarah", name: "Sarah", variant: "en-us", quality: "natural" },
        { id: "bm_george", name: "George", variant: "en-gb", quality: "natural" },
      ],
    },
    { code: "de", own_name: "Deutsch", voices: [{ id: "de", name: "German", variant: "", quality: "robotic" }] },
  ],
};

const TOOLS = {
  tools: [{ name: "set_timer", description: "Sets a <b>timer</b>.", group: "", on: true }],
  servers: [{ name: "home", on: true, state: "failed", error: "No such file" }],
  agents: [
    { name: "team", on: true, state: "unconfigured", error: "" },
    { name: "claude", on: false, state: "off", error: "" },
  ],
};

const ANSWERS: Answers = {
  "/api/settings": { body: SETTINGS },
  "/api/voices": { body: VOICES },
  "/api/tools": { body: TOOLS },
};

const refusal = (code: string, faults: object[], status = 400) => ({
  status,
  body: { error: { code, message: "it cannot be", advice: "", faults } },
});

beforeEach(() => {
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue(undefined);
  return () => vi.restoreAllMocks();
});

describe("the settings of the appliance", () => {
  it("are not asked for by others than administrators", async () => {
    const { requests } = await visit("/settings", { ...ANSWERS, "/api/me": role("user") });
    await screen.findByLabelText("Language");
    expect(screen.queryByLabelText("Who answers")).toBeNull();
    expect(requests.map(({ path }) => path)).not.toContain("/api/settings");
  });

  it("are changed together, with the revision that was seen", async () => {
    const saved = { ...SETTINGS, revision: "two" };
    const { user, requests } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": { body: saved } });
    await user.selectOptions(await screen.findByRole("combobox", { name: "Who speaks" }), "Sarah (US) – natural");
    await user.selectOptions(screen.getByRole("combobox", { name: "Language you speak" }), "Deutsch – German");
    await user.click(await screen.findByRole("switch", { name: "home" }));
    await screen.findByText("3 changes");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Save" })).toBeNull());
    expect(requests.find(({ method }) => method === "PATCH")?.body).toEqual({
      revision: "one",
      settings: { "tts.voice": "af_sarah", "stt.language": "de", "tools.mcp.home.enabled": false },
      keys: {},
    });
  });

  it("show a fault at its field, and what was meant", async () => {
    const faults = [
      { key: "llm.base_url", value: "htp://x", expected: "String should match pattern", suggestion: "" },
      { key: "tts.voice", value: "af_sarah", expected: "there is no such voice", suggestion: "af_sky" },
    ];
    const { user } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": refusal("settings_refused", faults) });
    await user.type(await screen.findByLabelText("Address of the server"), "htp://x");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText("String should match pattern.");
    expect(screen.getByLabelText("Address of the server").getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText("there is no such voice. Did you mean af_sky?")).toBeTruthy();
    await user.type(screen.getByLabelText("Address of the server"), "!");
    expect(screen.queryByText("String should match pattern.")).toBeNull();
  });

  it("that somebody else changed meanwhile are shown anew, and the changes stay", async () => {
    let revision = "one";
    const { user, requests } = await visit("/settings", {
      ...ANSWERS,
      "/api/settings": () => ({ body: { ...SETTINGS, revision } }),
      "PATCH /api/settings": ({ body }) => {
        if ((body as { revision: string }).revision === "two") return { body: { ...SETTINGS, revision: "three" } };
        revision = "two";
        return refusal("settings_changed", [], 409);
      },
    });
    await user.click(await screen.findByRole("switch", { name: "home" }));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText(/Somebody else has changed/);
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Save" })).toBeNull());
    expect(requests.filter(({ method }) => method === "PATCH").map(({ body }) => (body as { revision: string }).revision)).toEqual(["one", "two"]);
  });

  it("of the page can be taken away, and what the environment sets cannot be changed", async () => {
    const { user, requests } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": { body: SETTINGS } });
    expect((await screen.findByLabelText<HTMLInputElement>("Model")).disabled).toBe(true);
    await user.click(screen.getByRole("button", { name: "Back to the usual value" }));
    expect(screen.getByRole<HTMLSelectElement>("combobox", { name: "Who answers" }).value).toBe("auto");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(requests.find(({ method }) => method === "PATCH")?.body).toMatchObject({ settings: { "llm.provider": null } }));
  });

  it("let a key be entered and never show it", async () => {
    const { user, requests } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": { body: SETTINGS } });
    const key = await screen.findByLabelText<HTMLInputElement>("Key");
    expect([key.type, key.value]).toEqual(["password", ""]);
    await user.type(key, "sk-1");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe(""));
    expect(requests.find(({ method }) => method === "PATCH")?.body).toMatchObject({ settings: {}, keys: { OPENAI_API_KEY: "sk-1" } });
  });

  it("are tried before they are saved", async () => {
    const verdict = { ok: false, outcome: "refused", status: 401, where: "tiny at x", seconds: 0.1 };
    const { user, requests } = await visit("/settings", { ...ANSWERS, "POST /api/settings/llm/test": { body: verdict } });
    await user.type(await screen.findByLabelText("Key"), "sk-2");
    await user.click(screen.getByRole("button", { name: "Test the connection" }));
    await screen.findByText(/tiny at x does not accept the key \(401\)/);
    expect(requests.find(({ path }) => path.endsWith("/test"))?.body).toEqual({ provider: "openai", base_url: "", model: "tiny", key: "sk-2" });
  });

  it("let the chosen voice be heard at the chosen speed", async () => {
    const { user, requests } = await visit("/settings", { ...ANSWERS, "POST /api/voices/preview": { body: "RIFF" } });
    await user.selectOptions(await screen.findByRole("combobox", { name: "Who speaks" }), "George (GB) – natural");
    await user.click(screen.getByRole("button", { name: "Listen" }));
    await waitFor(() => expect(HTMLMediaElement.prototype.play).toHaveBeenCalled());
    expect(requests.find(({ path }) => path.endsWith("/preview"))?.body).toEqual({ voice: "bm_george", language: "en", speed: 1 });
  });

  it("say for how long things are kept, with rules that can be suspended", async () => {
    const { user, requests } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": { body: SETTINGS } });
    const days = await screen.findByRole("spinbutton", { name: "Conversations: days" });
    await user.clear(days);
    await user.type(days, "30");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(requests.find(({ method }) => method === "PATCH")?.body).toMatchObject({ settings: { "retention.conversation_days": 30 } }));
    await user.click(screen.getByRole("switch", { name: "Delete what is old" }));
    expect(screen.queryByRole("spinbutton", { name: "Conversations: days" })).toBeNull();
  });

  it("that wait for a restart offer it", async () => {
    const waiting = { ...SETTINGS, restart_needed: ["limits.sessions"] };
    const { user, requests } = await visit("/settings", { ...ANSWERS, "/api/settings": { body: waiting }, "POST /api/restart": { status: 202, body: {} } });
    await screen.findByText(/limits\.sessions/);
    await user.click(screen.getByRole("button", { name: "Restart" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Restart" }));
    await waitFor(() => expect(requests.map(({ path }) => path)).toContain("/api/restart"));
  });

  it("switch single tools, whose words are never markup", async () => {
    const { user, requests } = await visit("/settings", { ...ANSWERS, "PATCH /api/settings": { body: SETTINGS } });
    await user.click(await screen.findByText("1 tool"));
    expect(screen.getByText("Sets a <b>timer</b>.")).toBeTruthy();
    expect(screen.getByText(/No such file/)).toBeTruthy();
    await user.click(screen.getByRole("switch", { name: "set timer" }));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(requests.find(({ method }) => method === "PATCH")?.body).toMatchObject({ settings: { "tools.disabled": ["set_timer"] } }));
  });
});
