// @vitest-environment happy-dom

import { act, screen, waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import type { Call } from "../../src/call/call";
import type { Facts } from "../../src/call/state";
import { explain } from "../../src/server/failures";
import { role, visit, type Answers } from "../visit";

const turn = (number: number, said: string, answer: string, more: object = {}): object => ({
  session_id: "s",
  number,
  started_at: 1_790_000_000,
  user_text: said,
  answer,
  engines: { stt: "whisper", llm: "gemma", tts: "kokoro" },
  left_the_box: false,
  ...more,
});

const kept = (...turns: object[]): Answers => ({ "/api/conversations/c1/turns?limit=50": { body: { summary: { id: "c1" }, turns, before: null } } });

/** As after a reload in conversation c1. */
function returning(...turns: object[]): ReturnType<typeof visit> {
  localStorage.setItem("conversation", "c1");
  return visit("/", kept(...turns));
}

const become = (call: Call, facts: Partial<Facts>): void =>
  act(() => call.state.update({ facts: { ...call.state.get().facts, ...facts } }));

describe("a page that is opened again", () => {
  it("shows the conversation where it was", async () => {
    await returning(turn(1, "what time is it", "It is noon."));
    await screen.findByText("It is noon.");
    expect(screen.getByText("what time is it")).toBeTruthy();
    expect(window.__appliance?.conversationId).toBe("c1");
  });

  it("begins anew where that conversation was deleted", async () => {
    localStorage.setItem("conversation", "gone");
    await visit("/");
    await screen.findByText("Try saying");
    await waitFor(() => expect(localStorage.getItem("conversation")).toBeNull());
  });

  it("asks before it begins a new conversation, and keeps the old one", async () => {
    const { user, requests } = await returning(turn(1, "one", "two"));
    await screen.findByText("two");
    await user.click(screen.getByRole("button", { name: "Start afresh" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(screen.getByText("two")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Start afresh" }));
    const [, confirm] = screen.getAllByRole("button", { name: "Start afresh" });
    await user.click(confirm!);
    await screen.findByText("Try saying");
    expect(localStorage.getItem("conversation")).toBeNull();
    expect(requests.filter(({ method }) => method === "DELETE")).toEqual([]);
  });
});

describe("an answer", () => {
  const MARKED = "# The sea\n\nIt covers **71 %**.\n\n- deep\n- blue\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nhi()\n```\n";

  it("is shown as its Markdown means, with code to copy", async () => {
    const { user } = await returning(turn(1, "q", MARKED));
    const copied = vi.spyOn(navigator.clipboard, "writeText");
    expect((await screen.findByText("71 %")).tagName).toBe("STRONG");
    expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual(expect.arrayContaining(["deep", "blue"]));
    expect(screen.getByRole("table")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Copy the code" }));
    expect(copied).toHaveBeenCalledWith("hi()");
    await screen.findByText("Copied");
  });

  it("becomes no markup, and leads only where a link may", async () => {
    const text = "<img src=x onerror=alert(1)> **b** <script>alert(1)</script> [bad](javascript:alert(1)) [good](https://a.example/) ![p](https://b.example/x.png)";
    await returning(turn(1, "<b>q</b>", text));
    await screen.findByText("good");
    const log = screen.getByRole("log");
    expect([log.querySelector("img"), log.querySelector("script"), log.querySelector("article b")]).toEqual([null, null, null]);
    expect([...log.querySelectorAll("a")].map((link) => link.href)).toEqual(["https://a.example/", "https://b.example/x.png"]);
    expect(log.textContent).toContain("<img src=x onerror=alert(1)>");
    expect(log.textContent).toContain("bad");
  });

  it("tells who gave it and whether anything left the box, when asked", async () => {
    const { user } = await returning(turn(1, "q", "Far away.", { left_the_box: true }));
    await user.click(await screen.findByRole("button", { name: "How this answer came about" }));
    const about = screen.getByText(/What you say leaves this network/);
    expect(about.textContent).toContain("thinks with gemma");
  });
});

describe("a call", () => {
  it("is silenced by the button and by Escape", async () => {
    const { user, call } = await visit("/");
    const stop = vi.spyOn(call, "stop").mockReturnValue();
    await screen.findByRole("button", { name: "Connect" });
    become(call, { wanted: true, transport: "ready", botSpeaking: true });
    await user.click(await screen.findByRole("button", { name: "Stop" }));
    await user.keyboard("{Escape}");
    expect(stop).toHaveBeenCalledTimes(2);
    become(call, { botSpeaking: false });
    await user.keyboard("{Escape}");
    expect(stop).toHaveBeenCalledTimes(2);
  });

  it("takes and marks what is typed while nobody answers, and tries again at once when asked", async () => {
    const { user, call } = await visit("/");
    const field = await screen.findByLabelText("Message");
    become(call, { wanted: true, failure: explain({ from: "silence" }), retry: { attempt: 2, at: Date.now() + 9000 } });
    await screen.findByText("The server does not answer");
    const tryNow = vi.spyOn(call, "tryNow").mockResolvedValue();
    await user.click(screen.getByRole("button", { name: "Try now" }));
    act(() => void window.dispatchEvent(new Event("online")));
    expect(tryNow).toHaveBeenCalledTimes(2);
    await user.type(field, "what day is it{Enter}");
    await screen.findByText(/Not delivered/);
    expect(call.transcript.get().entries.at(-1)?.pending).toBeTruthy();
  });

  it("ends normally without looking like a fault", async () => {
    const { call } = await visit("/");
    await screen.findByRole("button", { name: "Connect" });
    become(call, { failure: explain({ from: "socket", code: 1000, reason: "Nobody has spoken for a while." }) });
    const title = await screen.findByText("The session has ended");
    expect([title.closest("[role=alert]"), title.closest(".problem")]).toEqual([null, null]);
    expect(screen.getByText("Ready when you are")).toBeTruthy();
  });

  it("listens while a button or the space bar is held, where that was chosen", async () => {
    localStorage.setItem("listening", "hold");
    const { user, call } = await visit("/");
    await screen.findByRole("button", { name: "Connect" });
    become(call, { wanted: true, transport: "ready" });
    act(() => call.state.update({ mic: "on" }));
    const button = await screen.findByRole("button", { name: "Hold to talk" });
    await user.keyboard("[Space>]");
    expect(button.getAttribute("aria-pressed")).toBe("true");
    await user.keyboard("[/Space]");
    expect(button.getAttribute("aria-pressed")).toBe("false");
    await user.type(screen.getByLabelText("Message"), "a b");
    expect(call.state.get().talking).toBe(false);
  });
});

describe("a stranger", () => {
  it("is told nothing of what answers here", async () => {
    await visit("/", {
      "/api/me": { status: 401, body: { error: { code: "not_paired", message: "", advice: "" } } },
      "/health": { body: { status: "ok" } },
    });
    await screen.findByLabelText("Pairing code");
    expect(document.querySelectorAll("#badges li")).toHaveLength(0);
  });

  it("sees the warning of an open appliance", async () => {
    await visit("/", { "/api/me": { body: { ...(role("guest").body as object), warnings: ["Access is open."] } } });
    await screen.findByText("Access is open.");
  });
});
