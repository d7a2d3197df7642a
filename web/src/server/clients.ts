/** Paired clients: who they are, their roles, and an end to their access. For administrators. */

import { queryOptions } from "@tanstack/react-query";
import type { Role } from "../app/navigation";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

export interface Client {
  id: string;
  name: string;
  role: string;
  /** Seconds since the epoch. */
  pairedAt: number;
  seenAt: number;
  /** Null while it has access. */
  revokedAt: number | null;
}

function readClient(value: unknown): Client {
  const client = fields(value);
  return {
    id: text(client["id"]),
    name: text(client["name"]),
    role: text(client["role"]),
    pairedAt: number(client["created_at"]),
    seenAt: number(client["seen_at"]),
    revokedAt: typeof client["revoked_at"] === "number" ? client["revoked_at"] : null,
  };
}

export const clientsQuery = queryOptions({
  queryKey: ["clients"],
  queryFn: async () => list(fields(await ask("GET", PATHS.clients))["clients"]).map(readClient),
});

export async function changeClient(id: string, change: { role?: Role; name?: string }): Promise<void> {
  await ask("PATCH", `${PATHS.clients}/${encodeURIComponent(id)}`, change);
}

/** Its sessions end at once. */
export async function revokeClient(id: string): Promise<void> {
  await ask("DELETE", `${PATHS.clients}/${encodeURIComponent(id)}`);
}
