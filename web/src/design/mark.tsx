import type { ReactNode } from "react";

/** The appliance's sign: the assistant above the line, you below it. */
export function Mark(): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path className="mark-up" d="M5 14v-2M10.5 14V9M16 14V4M21.5 14V9M27 14v-2" />
      <path className="mark-down" d="M5 18v1M10.5 18v3M16 18v9M21.5 18v3M27 18v1" />
    </svg>
  );
}
