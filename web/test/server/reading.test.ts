import { describe, expect, it } from "vitest";
import { text } from "../../src/server/reading";

describe("a text of the appliance", () => {
  it("is shown with what turns its direction as what it is", () => {
    expect(text("harmless \u202egpj.exe\u202c \u2067x\u2069")).toBe("harmless \\u202egpj.exe\\u202c \\u2067x\\u2069");
  });

  it("keeps letters and marks of every script", () => {
    for (const said of ["שלום\u200f!", "مرحبا", "👩\u200d🍳", "Grüße\u00a0"]) expect(text(said)).toBe(said);
  });

  it("is empty where there is none", () => {
    expect([text(null), text({}), text(7)]).toEqual(["", "", "7"]);
  });
});
