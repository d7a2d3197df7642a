/** Paired clients. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, text } from "./reading";

export interface Client {
  id: string;
  name: string;
  role: string;
}

function readClient(value: unknown): Client {
  const { id, name, role } = fields(value);
  return { id: text(id), name: text(name), role: text(role) };
}

export const clientsQuery = queryOptions({
  queryKey: ["clients"],
  queryFn: async () => list(fields(await ask("GET", PATHS.clients))["clients"]).map(readClient),
});
