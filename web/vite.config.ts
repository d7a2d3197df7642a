import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { icons } from "./build/icons.ts";
import { shell, WORKER, WORKER_FILE } from "./build/shell.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("package.json"), "utf8")) as { version: string };

export default defineConfig({
  plugins: [react(), icons(here("public/icon.svg")), shell()],
  define: { __PAGE_VERSION__: JSON.stringify(version) },
  resolve: {
    // The transport imports daily-js for a media manager that this page never makes. The real
    // package fetches its call machine from the internet when it starts; the stand-in throws.
    alias: { "@daily-co/daily-js": here("src/call/shims/daily-js.ts") },
  },
  worker: { format: "es" },
  build: {
    target: "es2022",
    // Those without light-dark() get it in plainer words.
    cssTarget: ["chrome105", "firefox110", "safari15.4"],
    sourcemap: false,
    // No data: addresses: the content security policy allows scripts from 'self' only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: here("index.html"),
        trust: here("trust.html"),
        down: here("down.html"),
        [WORKER]: here("src/shell/worker.ts"),
      },
      output: { entryFileNames: ({ name }) => (name === WORKER ? WORKER_FILE : "assets/[name]-[hash].js") },
    },
  },
  test: { include: ["test/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
});
