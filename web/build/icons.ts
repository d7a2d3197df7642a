/** Build step: the icons that a phone puts on its screen, as PNG from icon.svg. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import type { Plugin } from "vite";

interface Picture {
  name: string;
  size: number;
  /** Of the drawing, where the system cuts out a shape of its own; then the ground goes to the edge. */
  scale: number | null;
}

/** A system may cut off all but a circle of 80 % of the width. */
const SAFE = 0.8;

const PICTURES: readonly Picture[] = [
  { name: "icon-192.png", size: 192, scale: null },
  { name: "icon-512.png", size: 512, scale: null },
  { name: "icon-maskable.png", size: 512, scale: SAFE },
  { name: "icon-touch.png", size: 180, scale: 1 },
];

/** The drawing on a ground without corners; `side` is the width of its view box. */
function onGround(svg: string, scale: number): string {
  const [, ground] = /<rect[^>]*fill="([^"]+)"/.exec(svg) ?? [];
  const [, side] = /viewBox="0 0 (\d+) \1"/.exec(svg) ?? [];
  if (!ground || !side) throw new Error("icon.svg has no square view box, or no ground");
  const inner = svg.replace(/^\s*<svg[^>]*>|<\/svg>\s*$/g, "");
  const margin = (Number(side) * (1 - scale)) / 2;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}">` +
    `<rect width="${side}" height="${side}" fill="${ground}"/>` +
    `<g transform="translate(${margin} ${margin}) scale(${scale})">${inner}</g></svg>`
  );
}

let ready: Promise<void> | undefined;

async function drawings(svg: string): Promise<[string, Uint8Array][]> {
  const program = createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm");
  // It can be made ready once in a process; tests build more than once.
  ready ??= readFile(program).then((bytes) => initWasm(bytes));
  await ready;
  return PICTURES.map(({ name, size, scale }) => {
    const picture = new Resvg(scale === null ? svg : onGround(svg, scale), { fitTo: { mode: "width", value: size } });
    return [name, picture.render().asPng()];
  });
}

export function icons(source: string): Plugin {
  return {
    name: "icons",
    apply: "build",
    async generateBundle() {
      for (const [fileName, bytes] of await drawings(await readFile(source, "utf8"))) {
        this.emitFile({ type: "asset", fileName, source: bytes });
      }
    },
  };
}
