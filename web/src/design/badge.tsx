import type { ReactNode } from "react";

export type Tone = "neutral" | "good" | "warning" | "bad";

/** A short word about a thing; the tone says nothing that the word does not. */
export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ReactNode }): ReactNode {
  return <span className={`badge ${tone}`}>{children}</span>;
}
