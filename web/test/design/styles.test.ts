/** The styles of one page stay in the document when another is opened, so no two name the same class. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const PAGES = fileURLToPath(new URL("../../src/pages", import.meta.url));

/** Classes of the design system that a page only adds to. */
const SHARED = ["badge", "button", "card", "table"];

/** The classes that begin a selector: what it is scoped by. */
function scopes(css: string): string[] {
  const rules = css.replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/([^{};]+)\{/g);
  const selectors = [...rules].flatMap(([, list = ""]) => (list.trim().startsWith("@") ? [] : list.split(/,(?![^(]*\))/)));
  return selectors.flatMap((selector) => /^\s*\.([\w-]+)/.exec(selector)?.[1] ?? []);
}

it("each class belongs to one page", () => {
  const owners = new Map<string, Set<string>>();
  const files = readdirSync(PAGES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".css"));
  expect(files.length).toBeGreaterThan(7);
  for (const file of files) {
    for (const name of scopes(readFileSync(`${PAGES}/${file}`, "utf8"))) owners.set(name, (owners.get(name) ?? new Set()).add(dirname(file)));
  }
  const shared = [...owners].filter(([name, pages]) => pages.size > 1 && !SHARED.includes(name));
  expect(shared).toEqual([]);
  expect(scopes(".a > b, .c:is(.d, .e) { } @media (x) { .f { } }")).toEqual(["a", "c", "f"]);
});
