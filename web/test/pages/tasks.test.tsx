// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { visit } from "../visit";

const task = (id: string, state: string, more: object = {}): object => ({
  ...{ id, agent: "claude", state, request: `Do ${id}`, progress: "", created_at: 1, updated_at: 1_790_000_000 },
  ...more,
});

describe("the tasks", () => {
  it("stand there after a reload, with their state, result and what can be done", async () => {
    const { user, requests } = await visit("/tasks", {
      "/api/tasks?limit=200": { body: { tasks: [task("a", "running", { progress: "halfway" }), task("b", "done")] } },
      "/api/tasks/b": { body: { ...task("b", "done"), result: "## All <i>done</i>", conversation_id: "c1" } },
      "DELETE /api/tasks/a": { status: 204 },
      "POST /api/tasks/b/continue": { status: 201, body: task("c", "accepted") },
    });
    const atWork = await screen.findByRole("region", { name: "At work" });
    within(atWork).getByText("halfway");
    await user.click(within(atWork).getByRole("button", { name: "Cancel Do a" }));
    const details = screen.getByText("Result").closest("details");
    if (details) details.open = true;
    expect((await screen.findByText("All <i>done</i>")).className).toBe("heading");
    expect(screen.getByRole("link", { name: "To the conversation" }).getAttribute("href")).toBe("/conversations/c1");
    await user.click(screen.getByRole("button", { name: "Continue…" }));
    await user.type(await screen.findByLabelText("What next?"), "Now test it");
    await user.click(screen.getByRole("button", { name: "Send" }));
    await vi.waitFor(() => {
      const sent = requests.filter(({ method }) => method !== "GET").map(({ method, path, body }) => [method, path, body]);
      expect(sent).toEqual([
        ["DELETE", "/api/tasks/a", null],
        ["POST", "/api/tasks/b/continue", { text: "Now test it" }],
      ]);
    });
  });

  it("are none at first, which is said", async () => {
    await visit("/tasks", { "/api/tasks?limit=200": { body: { tasks: [] } } });
    await screen.findByText("No tasks yet");
  });
});
