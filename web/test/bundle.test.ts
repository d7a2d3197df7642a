/** Builds the page as it ships and looks at what would be served. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Addresses in strings that nothing fetches: a package.json, two error texts, an XML namespace. */
const INERT = [
  "https://github.com/pipecat-ai/pipecat-client-web.git",
  "https://github.com/timostamm/protobuf-ts/blob/v1.0.8/MANUAL.md",
  "https://github.com/uuidjs/uuid",
  "http://www.w3.org/",
];

const files = new Map<string, string>();

beforeAll(async () => {
  const result = await build({ root: ROOT, logLevel: "silent", build: { write: false } });
  for (const { output } of [result].flat() as { output: { fileName: string; code?: string; source?: string | Uint8Array }[] }[]) {
    for (const file of output) files.set(file.fileName, String(file.code ?? file.source));
  }
  files.set("icon.svg", readFileSync(`${ROOT}/public/icon.svg`, "utf8"));
}, 60_000);

const named = (ending: string): [string, string][] => [...files].filter(([name]) => name.endsWith(ending));

describe("the built page", () => {
  it("has its three pages and two worklets as files of their own", () => {
    expect(named(".html").map(([name]) => name).sort()).toEqual(["down.html", "index.html", "trust.html"]);
    expect([...files.keys()].filter((name) => /(capture|playback)\.worklet-.*\.js$/.test(name))).toHaveLength(2);
  });

  it("names no other host", () => {
    for (const [name, text] of files) {
      const addresses = text.match(/\b(?:https?|wss?):\/\/[a-z0-9][^"'`\s)\\]*/gi) ?? [];
      const foreign = addresses.filter((address) => !INERT.some((inert) => address.startsWith(inert)));
      expect(foreign, name).toEqual([]);
    }
  });

  it("carries none of daily-js", () => {
    for (const [name, text] of named(".js")) expect(text, name).not.toMatch(/daily\.co|callObjectBundle|sentry/i);
  });

  it("fits a policy without inline code, eval or data: addresses", () => {
    for (const [name, text] of named(".html")) {
      expect(text, name).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:/i);
    }
    for (const [name, text] of named(".js")) expect(text, name).not.toMatch(/\bnew Function\b|\beval\(/);
    for (const [name, text] of named(".css")) expect(text, name).not.toMatch(/url\(|@import/);
  });

  it("ships no source maps", () => {
    expect(named(".map")).toEqual([]);
    for (const [name, text] of files) expect(text, name).not.toContain("sourceMappingURL=");
  });
});

describe("what it is made from", () => {
  it("installs from any registry, with every package checked", () => {
    const lock = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, "utf8")) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path);
    expect(packages.filter(([, entry]) => entry.resolved).map(([path]) => path)).toEqual([]);
    expect(packages.filter(([, entry]) => !entry.integrity).map(([path]) => path)).toEqual([]);
  });

  it("pins exact versions", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string>
    >;
    for (const version of Object.values({ ...dependencies, ...devDependencies })) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("has an element for every id that the views look up", () => {
    const page = readFileSync(`${ROOT}/index.html`, "utf8");
    const views = ["main.ts", "view/stage.ts", "view/forms.ts", "view/selftest.ts"].map((name) => readFileSync(`${ROOT}/src/${name}`, "utf8"));
    for (const [, id] of views.join().matchAll(/byId\("([a-z-]+)"/g)) expect(page).toContain(`id="${id}"`);
  });
});
