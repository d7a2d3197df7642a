// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Chime } from "../../src/audio/chime";
import { lengthOf } from "../../src/pages/timers/new-timer";
import { role, visit, type Answers } from "../visit";

afterEach(() => vi.restoreAllMocks());

const timer = (id: string, state: string, more: object = {}): object => ({
  ...{ id, name: id, state, due: 0, seconds: 300, left: 90, client_id: "me" },
  ...more,
});

const timers = (...list: object[]): Answers => ({ "/api/timers": { body: { timers: list } } });

describe("the timers", () => {
  it("are shown with what is left, and paused, continued and cancelled by hand", async () => {
    const { user, requests } = await visit("/tasks", {
      ...timers(timer("tea", "set"), timer("egg", "paused", { name: "" })),
      "PATCH /api/timers/tea": { status: 204 },
      "PATCH /api/timers/egg": { status: 204 },
      "DELETE /api/timers/tea": { status: 204 },
    });
    await screen.findByText("tea");
    await user.click(screen.getByRole("button", { name: "Pause tea" }));
    await user.click(screen.getByRole("button", { name: "Continue Timer, 5:00" }));
    await user.click(screen.getByRole("button", { name: "Cancel tea" }));
    const sent = requests.filter(({ method }) => method !== "GET").map(({ method, path, body }) => [method, path, body]);
    expect(sent).toEqual([
      ["PATCH", "/api/timers/tea", { paused: true }],
      ["PATCH", "/api/timers/egg", { paused: false }],
      ["DELETE", "/api/timers/tea", null],
    ]);
  });

  it("are renamed by hand", async () => {
    const { user, requests } = await visit("/tasks", { ...timers(timer("tea", "set")), "PATCH /api/timers/tea": { status: 204 } });
    await user.click(await screen.findByRole("button", { name: "Rename tea" }));
    const field = within(await screen.findByRole("dialog")).getByLabelText("What for");
    await user.clear(field);
    expect(screen.getByRole("button", { name: "Rename" })).toHaveProperty("disabled", true);
    await user.type(field, " Green tea ");
    await user.click(screen.getByRole("button", { name: "Rename" }));
    await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(requests.find(({ method }) => method === "PATCH")?.body).toEqual({ name: "Green tea" });
  });

  it("are set by hand, with a name and a length", async () => {
    const { user, requests } = await visit("/tasks", { ...timers(), "POST /api/timers": { status: 201, body: {} } });
    await user.click(await screen.findByRole("button", { name: "Set a timer" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByLabelText("What for (if you like)"), "Pasta");
    await user.type(within(dialog).getByLabelText("Minutes"), "9");
    await user.type(within(dialog).getByLabelText("Seconds"), "30");
    await user.click(within(dialog).getByRole("button", { name: "Start" }));
    await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(requests.find(({ method }) => method === "POST")?.body).toEqual({ seconds: 570, name: "Pasta" });
    expect([lengthOf({ hours: "1", minutes: "", seconds: "x" }), lengthOf({ hours: "-1", minutes: "", seconds: "" })]).toEqual([3600, 0]);
  });

  it("of others are not a guest's to change", async () => {
    await visit("/", { "/api/me": role("guest"), ...timers(timer("tea", "set", { client_id: "other" }), timer("own", "set")) });
    await screen.findByRole("button", { name: "Pause own" });
    expect(screen.queryByRole("button", { name: "Pause tea" })).toBeNull();
  });
});

describe("an alarm", () => {
  it("sounds on any page without a call, until it is stopped there", async () => {
    const [start, stop] = [vi.spyOn(Chime.prototype, "start"), vi.spyOn(Chime.prototype, "stop")];
    start.mockImplementation(() => undefined);
    const { user, requests } = await visit("/settings", {
      ...timers(timer("tea", "rang", { left: -3 })),
      "DELETE /api/timers/tea": { status: 204 },
    });
    const alarm = await screen.findByRole("alert", { name: "Timers that ring" });
    expect(alarm.textContent).toContain("tea: time is up");
    expect(start).toHaveBeenCalled();
    await user.click(within(alarm).getByRole("button", { name: "Stop" }));
    await vi.waitFor(() => expect(requests.some(({ method, path }) => method === "DELETE" && path === "/api/timers/tea")).toBe(true));
    expect(stop).toHaveBeenCalled();
  });

  it("says when the browser keeps the page silent", async () => {
    vi.spyOn(Chime.prototype, "start").mockImplementation(function (this: Chime) {
      this.blocked.set(true);
    });
    await visit("/settings", timers(timer("tea", "rang", { left: -3 })));
    await screen.findByRole("button", { name: "Turn on the sound" });
  });
});
