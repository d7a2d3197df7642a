import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { meQuery } from "../../server/identity";

/** Sentences of the appliance that everybody who talks here should know. */
export function Warning(): ReactNode {
  const warnings = useQuery(meQuery).data?.warnings ?? [];
  if (warnings.length === 0) return null;
  return (
    <div id="warning" className="warning" role="alert">
      <p>{warnings.join(" ")}</p>
    </div>
  );
}
