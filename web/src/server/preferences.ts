/** What this client prefers. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields } from "./reading";

export interface Preferences {
  /** New conversations are kept. */
  keepConversations: boolean;
}

export const preferencesQuery = queryOptions({
  queryKey: ["preferences"],
  queryFn: async (): Promise<Preferences> => ({
    keepConversations: fields(await ask("GET", PATHS.preferences))["keep_conversations"] !== false,
  }),
});

export async function setKeepConversations(keep: boolean): Promise<void> {
  await ask("PATCH", PATHS.preferences, { keep_conversations: keep });
}
