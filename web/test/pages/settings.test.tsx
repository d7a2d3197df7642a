// @vitest-environment happy-dom

import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { visit } from "../visit";

describe("the settings of this browser", () => {
  it("change language and colours at once, and keep them", async () => {
    const { user } = await visit("/settings");
    await user.selectOptions(await screen.findByLabelText("Language"), "Deutsch");
    await screen.findByRole("heading", { level: 1, name: "Einstellungen" });
    expect([document.documentElement.lang, localStorage.getItem("language")]).toEqual(["de", "de"]);
    await user.selectOptions(screen.getByLabelText("Farben"), "Dunkel");
    expect([document.documentElement.dataset["theme"], localStorage.getItem("theme")]).toEqual(["dark", "dark"]);
  });
});
