import type { ReactNode } from "react";

/** Where a list has nothing: says so, and what would fill it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="nothing">
      <p className="title">{title}</p>
      {children}
    </div>
  );
}
