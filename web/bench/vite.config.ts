/** Builds the bench of the log as the page is built, into bench/dist. */

import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import page from "../vite.config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default {
  ...page,
  root: here("."),
  // Without those that make the files of the page: icons, and the shell's list of them.
  plugins: [react()],
  publicDir: false as const,
  build: { ...page.build, outDir: here("dist"), emptyOutDir: true, rollupOptions: { input: { index: here("log.html") } } },
};
