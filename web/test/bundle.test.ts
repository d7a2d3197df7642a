/** Builds the page as it ships and looks at what would be served. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { beforeAll, describe, expect, it, vi } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Most bytes, compressed, that a browser fetches before the talk page is there. */
const FIRST_LOAD = 250_000;

/** Addresses in strings that nothing fetches: a package.json, error texts, an XML namespace, a base to read paths with. */
const INERT = [
  "https://github.com/pipecat-ai/pipecat-client-web.git",
  "https://github.com/timostamm/protobuf-ts/blob/v1.0.8/MANUAL.md",
  "https://github.com/uuidjs/uuid",
  "https://react.dev/errors/",
  "https://react.i18next.com/latest/",
  "https://github.com/markedjs/marked",
  "http://localhost",
  "http://www.w3.org/",
];

interface Built {
  fileName: string;
  code?: string;
  source?: string | Uint8Array;
  imports?: string[];
  facadeModuleId?: string | null;
  viteMetadata?: { importedCss: Set<string> };
}

const files = new Map<string, string>();
const chunks = new Map<string, Built>();

beforeAll(async () => {
  // Vitest sets "test", with which React would be built for developers.
  vi.stubEnv("NODE_ENV", "production");
  const result = await build({ root: ROOT, logLevel: "silent", build: { write: false } });
  for (const { output } of [result].flat() as { output: Built[] }[]) {
    for (const file of output) {
      files.set(file.fileName, String(file.code ?? file.source));
      chunks.set(file.fileName, file);
    }
  }
  vi.unstubAllEnvs();
  files.set("icon.svg", readFileSync(`${ROOT}/public/icon.svg`, "utf8"));
}, 60_000);

/** A chunk, what it imports at once, and their styles. */
function fetchedWith(name: string, found = new Set<string>()): Set<string> {
  const chunk = chunks.get(name);
  if (found.has(name) || !chunk) return found;
  found.add(name);
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
  for (const other of chunk.imports ?? []) fetchedWith(other, found);
  return found;
}

const chunkOf = (source: string): string =>
  [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith(source))?.fileName ?? "";

const named = (ending: string): [string, string][] => [...files].filter(([name]) => name.endsWith(ending));

describe("the built page", () => {
  it("has its three pages and two worklets as files of their own", () => {
    expect(named(".html").map(([name]) => name).sort()).toEqual(["down.html", "index.html", "trust.html"]);
    expect([...files.keys()].filter((name) => /(capture|playback)\.worklet-.*\.js$/.test(name))).toHaveLength(2);
  });

  it("names no other host", () => {
    const addresses = [...files.values()].flatMap((text) => text.match(/\b(?:https?|wss?):\/\/[a-z0-9][^"'`\s)\\]*/gi) ?? []);
    expect(addresses.filter((address) => !INERT.some((inert) => address.startsWith(inert)))).toEqual([]);
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

  it("is there for the first words after 250 kB", () => {
    const locales = ["common", "talk"].map((name) => chunkOf(`/locales/de/${name}.json`));
    const needed = [chunkOf("/web/index.html"), chunkOf("/pages/talk/index.tsx"), ...locales];
    expect(needed).not.toContain("");
    const first = new Set(["index.html", ...needed.flatMap((name) => [...fetchedWith(name)])]);
    const bytes = [...first].map((name) => gzipSync(files.get(name) ?? "").length);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD);
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
});
