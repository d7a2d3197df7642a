/** Build step: tells the service worker which files it keeps, and gives it the version they make. */

import { createHash } from "node:crypto";
import type { Plugin } from "vite";

export const WORKER = "sw";

/** Its address must stay the same, and at the root, or it could not serve the whole page. */
export const WORKER_FILE = `${WORKER}.js`;

/** Stands in src/shell/worker.ts for what is known once everything else is built. */
const PLACE = "__SHELL__";

interface Built {
  fileName: string;
  code?: string;
  source?: string | Uint8Array;
}

/** The files of the app, and a version that changes with each of them. Names in assets/ are hashes. */
export function shellOf(files: readonly Built[]): { version: string; files: string[] } {
  const assets = files.map(({ fileName }) => fileName).filter((name) => name.startsWith("assets/")).sort();
  const index = String(files.find(({ fileName }) => fileName === "index.html")?.source ?? "");
  const version = createHash("sha256").update(assets.join("\n") + index).digest("hex").slice(0, 12);
  return { version, files: ["/", ...assets.map((name) => `/${name}`)] };
}

export function shell(): Plugin {
  return {
    name: "shell",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const worker = bundle[WORKER_FILE];
      if (worker?.type !== "chunk") throw new Error(`the build made no ${WORKER_FILE}`);
      worker.code = worker.code.replace(PLACE, JSON.stringify(shellOf(Object.values(bundle))));
    },
  };
}
