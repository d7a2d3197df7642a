/** No key of the locales is left over from words that are gone. (That none is missing, the types of `t` say.) */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));
const ENGLISH = `${SOURCES}/i18n/locales/en`;

type Words = { [key: string]: string | Words };

/** The paths to the words, as `t` takes them: without the plural's ending. */
function keysOf(words: Words, above = ""): string[] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === "string" ? [above + key.replace(/_(?:zero|one|two|few|many|other)$/, "")] : keysOf(value, `${above}${key}.`),
  );
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What a string or a template of the sources may be, as the source of a pattern. */
function patterns(source: string): string[] {
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.push(escaped(node.text));
    if (ts.isTemplateExpression(node)) {
      found.push(escaped(node.head.text) + node.templateSpans.map(({ literal }) => `.+${escaped(literal.text)}`).join(""));
    }
    ts.forEachChild(node, look);
  };
  look(ts.createSourceFile("source.tsx", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}

const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"));
// A template that could be anything says nothing about any key.
const said = [...new Set(files.flatMap((name) => patterns(readFileSync(`${SOURCES}/${name}`, "utf8"))))].filter((one) => /[a-z]/i.test(one.replace(/\.\+/g, "")));
const uses = new RegExp(`^(?:[a-z]+:)?(?:${said.join("|")})$`);

it.each(readdirSync(ENGLISH))("%s has no key that nobody asks for", (file) => {
  const keys = keysOf(JSON.parse(readFileSync(`${ENGLISH}/${file}`, "utf8")) as Words);
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key) => !uses.test(key))).toEqual([]);
});
