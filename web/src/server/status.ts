/** The appliance as a whole: its health, and its status for those who look after it. */

import { queryOptions } from "@tanstack/react-query";
import { fetchHealth } from "./health";

/** While engines load. It takes seconds with the starter engines, a minute with large models. */
const LOOK_AGAIN_MS = 2000;

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: fetchHealth,
  refetchInterval: ({ state: { data } }) => (data?.version && !data.ready ? LOOK_AGAIN_MS : false),
});
