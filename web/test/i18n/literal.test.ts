/** What a page says comes from the locales: no component has words of its own. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));

const COMPONENTS = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));

/** Attributes that a person reads or hears. */
const READ = ["alt", "aria-label", "aria-description", "aria-roledescription", "placeholder", "title", "label", "help"];

/** Two letters are a word; units, signs and addresses are written alike in all six languages. */
const WORD = /\p{L}{2,}/u;
const UNITS = /\b(ms|kB|MB|GB|kHz|Hz|dB|QR|CSV|URL)\b/g;
const ADDRESSES = /\bhttps?:\/\/\S+/g;

const says = (text: string): boolean => WORD.test(text.replace(ADDRESSES, "").replace(UNITS, ""));

function words(source: string): string[] {
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isJsxText(node) && says(node.text)) found.push(node.text.trim());
    if (ts.isJsxAttribute(node) && node.initializer && ts.isStringLiteral(node.initializer)) {
      const { text } = node.initializer;
      if (READ.includes(node.name.getText(file)) && says(text)) found.push(text);
    }
    ts.forEachChild(node, look);
  };
  const file = ts.createSourceFile("component.tsx", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  look(file);
  return found;
}

describe("the words of the components", () => {
  it.each(COMPONENTS)("%s has none of its own", (name) => {
    expect(words(readFileSync(`${SOURCES}/${name}`, "utf8"))).toEqual([]);
  });

  it("are found where there are some", () => {
    expect(COMPONENTS.length).toBeGreaterThan(20);
    expect(words('const a = <p title="Hello there">Good day <b className="bold">{t("x")}</b> 5 ms</p>;')).toEqual(["Hello there", "Good day"]);
  });
});
