import { describe, expect, it } from "vitest";
import { changesOf, EMPTY, faultAt, rebased, valueIn, withKey, withoutPageValue, withValue } from "../../src/pages/settings/draft";
import { readSettings, type Setting } from "../../src/server/settings";

const setting = (more: Partial<Setting> = {}): Setting => ({
  key: "tts.speed",
  value: 1.2,
  fallback: 1,
  source: "page",
  locked: false,
  restart: false,
  pending: false,
  minimum: 0.5,
  maximum: 2,
  choices: [],
  ...more,
});

describe("a draft", () => {
  it("shows what was changed, and counts it", () => {
    const draft = withValue(EMPTY, setting(), 1.5);
    expect([valueIn(draft, setting()), changesOf(draft)]).toEqual([1.5, 1]);
  });

  it("forgets a value that is the saved one again", () => {
    expect(withValue(withValue(EMPTY, setting(), 1.5), setting(), 1.2)).toEqual(EMPTY);
    const off = setting({ key: "tools.disabled", value: ["a"] });
    expect(withValue(withValue(EMPTY, off, []), off, ["a"])).toEqual(EMPTY);
  });

  it("takes the page's value away, and has none to take from a file", () => {
    const draft = withoutPageValue(EMPTY, setting());
    expect([draft.settings, valueIn(draft, setting())]).toEqual([{ "tts.speed": null }, 1]);
    expect(withoutPageValue(EMPTY, setting({ source: "file" }))).toEqual(EMPTY);
  });

  it("keeps keys apart", () => {
    const draft = withKey(EMPTY, "OPENAI_API_KEY", "sk-1");
    expect(changesOf(draft)).toBe(1);
    expect(withKey(draft, "OPENAI_API_KEY", null)).toEqual(EMPTY);
  });

  it("keeps of its changes those that are still any, when others have changed the settings", () => {
    const now = readSettings({
      settings: [
        { key: "tts.speed", value: 1.5, default: 1 },
        { key: "tts.voice", value: "auto", default: "auto", locked: true },
        { key: "stt.language", value: "en", default: "en" },
      ],
    });
    const draft = { settings: { "tts.speed": 1.5, "tts.voice": "af_sky", "stt.language": "de", gone: 1 }, keys: {} };
    expect(rebased(draft, now).settings).toEqual({ "stt.language": "de" });
  });

  it("finds the fault of a setting, and of a part of it", () => {
    const fault = { key: "tools.disabled.0", expected: "text", suggestion: "" };
    expect(faultAt([fault], "tools.disabled")).toBe(fault);
    expect(faultAt([fault], "tools")).toBe(fault);
    expect(faultAt([fault], "tts.speed")).toBeUndefined();
  });
});
