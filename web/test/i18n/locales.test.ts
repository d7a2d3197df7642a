import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bestLanguage, directionOf, LANGUAGES } from "../../src/i18n/languages";

const LOCALES = fileURLToPath(new URL("../../src/i18n/locales", import.meta.url));

type Texts = Map<string, string>;

function flat(value: object, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, string][] =>
    typeof inner === "string" ? [[prefix + key, inner]] : flat(inner as object, `${prefix}${key}.`),
  );
}

function texts(language: string): Texts {
  const files = readdirSync(`${LOCALES}/${language}`).sort();
  const all = files.map((file): [string, object] => [file, JSON.parse(readFileSync(`${LOCALES}/${language}/${file}`, "utf8")) as object]);
  return new Map(all.flatMap(([file, content]) => flat(content, `${file.replace(".json", "")}:`)));
}

/** What must stand in every language: values, and elements such as <code>. */
const fixed = (text: string): string[] => (text.match(/\{\{?\w+\}?\}|<\/?\w+>/g) ?? []).sort();

/** A plural has the forms of its language: one key here. */
const base = (key: string): string => key.replace(/_(zero|one|two|few|many|other)$/, "");

const english = texts("en");

describe.each(LANGUAGES)("the texts in %s", (language) => {
  const own = texts(language);

  it("are those of English, with the same values", () => {
    const keys = (all: Texts): string[] => [...new Set([...all.keys()].map(base))].sort();
    expect(keys(own)).toEqual(keys(english));
    for (const [key, text] of own) {
      const original = english.get(key) ?? english.get(`${base(key)}_other`) ?? "";
      expect([key, fixed(text)]).toEqual([key, fixed(original)]);
      expect([key, text.trim()]).not.toEqual([key, ""]);
    }
  });

  it("have every plural that the language has", () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of [...own.keys()].filter((name) => name.endsWith("_other"))) {
      for (const form of forms) expect(own.has(`${base(key)}_${form}`), `${key} ${form}`).toBe(true);
    }
  });
});

describe("the language of a browser", () => {
  it.each([
    [["de-AT", "en"], "de"],
    [["sv", "pt-BR"], "pt"],
    [["ja"], "en"],
    [[], "en"],
  ])("%j is served %s", (wanted, served) => expect(bestLanguage(wanted)).toBe(served));

  it("is written from the right where it is", () => {
    expect([directionOf("ar"), directionOf("de")]).toEqual(["rtl", "ltr"]);
  });
});
