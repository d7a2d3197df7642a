/** Who uses the page. */

import { useQuery } from "@tanstack/react-query";
import { meQuery } from "../server/identity";

/** "" until it is known, and where this browser is not paired. */
export function useRole(): string {
  return useQuery(meQuery).data?.role ?? "";
}
