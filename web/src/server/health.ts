/** Whether the appliance is there. Free of React, for the static pages too. */

import { ask } from "./client";
import { PATHS, readHealth, type Health } from "./messages";

export async function fetchHealth(): Promise<Health> {
  return readHealth(await ask("GET", PATHS.health));
}
