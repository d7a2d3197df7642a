// @vitest-environment happy-dom

import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { placesFor } from "../../src/app/navigation";
import { role, visit } from "../visit";

const UNPAIRED = { status: 401, body: { error: { code: "not_paired", message: "no", advice: "" } } };

describe("the navigation", () => {
  it("shows each role its pages, and a stranger those of a guest", () => {
    const pages = (name: string): string[] => placesFor(name).map(({ page }) => page);
    expect(pages("guest")).toEqual(["talk"]);
    expect(pages("")).toEqual(["talk"]);
    expect(pages("user")).toEqual(["talk", "conversations", "tasks", "settings", "wall"]);
    expect(pages("admin")).toEqual(["talk", "conversations", "tasks", "settings", "models", "devices", "status", "wall"]);
  });

  it("is not there for a guest, who has one page", async () => {
    await visit("/", { "/api/me": role("guest") });
    await screen.findByRole("button", { name: "Connect" });
    expect(screen.queryByRole("navigation")).toBeNull();
  });

  it("leads from page to page", async () => {
    const { user } = await visit("/");
    const navigation = await screen.findByRole("navigation", { name: "Pages" });
    await user.click(within(navigation).getByRole("link", { name: "Settings" }));
    await screen.findByRole("heading", { level: 1, name: "Settings" });
    expect(document.title).toBe("Settings · Voice Appliance");
  });
});

describe("a browser that is not paired", () => {
  it("is asked for its code on any page", async () => {
    let paired = false;
    const { user, requests } = await visit("/settings", {
      "/api/me": () => (paired ? role("user") : UNPAIRED),
      "POST /api/pair": () => {
        paired = true;
        return { body: {} };
      },
    });
    const code = await screen.findByLabelText("Pairing code");
    await user.type(code, "123");
    await user.click(screen.getByRole("button", { name: "Pair" }));
    expect(screen.getByRole("alert").textContent).toBe("A pairing code has eight digits.");
    await user.type(code, "4 5678");
    await user.click(screen.getByRole("button", { name: "Pair" }));
    await screen.findByRole("heading", { level: 1, name: "Settings" });
    expect(requests.find(({ path }) => path === "/api/pair")?.body).toMatchObject({ code: "12345678" });
  });
});

describe("an address that there is not", () => {
  it("leads back to the conversation", async () => {
    const { user } = await visit("/nothing");
    await user.click(await screen.findByRole("link", { name: "Back to the conversation" }));
    await screen.findByRole("button", { name: "Connect" });
  });
});
