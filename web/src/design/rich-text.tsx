import { lazy, Suspense, type ReactNode } from "react";

/** Fetched with the first text that needs it. */
const Markdown = lazy(async () => ({ default: (await import("./markdown")).Markdown }));

/** Whether a text says something by Markdown, or could in its next words. */
const MARKED = /[*_`#|[\]>~]|^\s*(?:[-+]|\d+[.)])\s/m;

/** What a model or an agent has written: Markdown where there is some, never HTML. */
export function RichText({ text }: { text: string }): ReactNode {
  if (!MARKED.test(text)) return text;
  return (
    <Suspense fallback={text}>
      <Markdown text={text} />
    </Suspense>
  );
}
