/**
 * What a developer wants to see of a call, over any page: `?debug` opens it, and it stays while the
 * pages change. Fetched only then.
 */

import { lazy, Suspense, useState, type ReactNode } from "react";

const Panel = lazy(() => import("./panel"));

export function Debug(): ReactNode {
  const [wanted, setWanted] = useState(() => new URLSearchParams(location.search).has("debug"));
  if (!wanted) return null;
  return (
    <Suspense fallback={null}>
      <Panel onHide={() => setWanted(false)} />
    </Suspense>
  );
}
