/** Who this browser is to the appliance. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { explain, Trouble } from "./failures";
import { PATHS } from "./messages";
import { fields, text } from "./reading";

/** This browser as the appliance knows it. */
export interface Me {
  id: string;
  role: string;
  /** Sentences that everybody who talks here should know, such as that access is open. */
  warnings: string[];
}

export function readMe(body: unknown): Me {
  const me = fields(body);
  const warnings = Array.isArray(me["warnings"]) ? me["warnings"].map(text).filter(Boolean) : [];
  const client = fields(me["client"]);
  return { id: text(client["id"]), role: text(client["role"]), warnings };
}

/** Between looks while the appliance is away and nothing else would ask. */
const LOOK_AGAIN_MS = 5000;

/** Exchanges a pairing code for the cookie that this browser is known by from then on. */
export async function pair(code: string, name: string): Promise<void> {
  await ask("POST", PATHS.pair, { code, name });
}

/** Role of this browser; throws `Trouble` with `not_paired` in its cause when it is not paired. */
async function fetchMe(): Promise<Me> {
  return readMe(await ask("GET", PATHS.me));
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: fetchMe,
  refetchInterval: ({ state: { error } }) =>
    error instanceof Trouble && explain(error.cause).retry ? LOOK_AGAIN_MS : false,
});
