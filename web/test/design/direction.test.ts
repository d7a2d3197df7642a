/** A language written from the right mirrors the page: sides are logical, never left and right. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));

const SHEETS = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".css"));

/** The edges of a display are where they are, whatever is written on it. */
const OF_THE_DEVICE = /env\(safe-area/;

const PHYSICAL = /^(left|right|float|clear|(margin|padding|border|scroll-margin|scroll-padding)-(left|right)\b.*|border-(top|bottom)-(left|right)-radius)$/;

/** The second and fourth of four values are right and left. */
function isLopsided(property: string, value: string): boolean {
  const parts = value.replace(/\([^()]*\)/g, "()").trim().split(/\s+/);
  return /^(margin|padding|inset|border-width)$/.test(property) && parts.length === 4 && parts[1] !== parts[3];
}

function faults(sheet: string): string[] {
  const plain = sheet.replace(/\/\*[\s\S]*?\*\//g, "");
  return [...plain.matchAll(/(?<=[{;]\s*)([a-z-]+)\s*:\s*([^;{}]+)/g)].flatMap(([, property = "", value = ""]) => {
    const physical = PHYSICAL.test(property) || (property === "text-align" && /left|right/.test(value));
    return (physical || isLopsided(property, value)) && !OF_THE_DEVICE.test(value) ? [`${property}: ${value}`] : [];
  });
}

describe("the style sheets", () => {
  it.each(SHEETS)("%s has no left and no right", (name) => {
    expect(faults(readFileSync(`${SOURCES}/${name}`, "utf8"))).toEqual([]);
  });

  it("are looked at closely", () => {
    expect(SHEETS.length).toBeGreaterThan(3);
    const wrong = "a { margin-left: 1px; left: 0 } b { padding: 1px 2px 1px 3px; text-align: right; border-left: 0 }";
    expect(faults(wrong)).toHaveLength(5);
    const right = "a { margin-inline-start: 1px; text-align: start; padding: 1px 2px 3px 2px } b:is(.left:hover, i) { top: 0 }";
    expect(faults(right)).toEqual([]);
  });
});
