/** The audit trail: who was let in, refused, changed or deleted what. For administrators. */

import { infiniteQueryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

/** An entry is written down a moment after what it tells of. */
const LOOK_AGAIN_MS = 5000;

/** appliance/access/audit.py has the same. */
export const ACTIONS = [
  "pairing code made",
  "pairing code revoked",
  "paired",
  "pairing code burned",
  "locked out",
  "revoked",
  "role changed",
  "renamed",
  "conversation deleted",
  "deleted by its age",
  "conversation restored",
  "recording deleted",
  "conversation exported",
  "conversation read",
  "conversations searched",
  "settings in force",
  "setting changed",
  "restarted",
  "model fetched",
  "model removed",
] as const;

export interface AuditEntry {
  id: number;
  /** Seconds since the epoch. */
  at: number;
  what: string;
  /** The id of a client, "the command line", or empty: a stranger. */
  who: string;
  address: string;
  /** "done", or the code of an error. */
  outcome: string;
  /** The id of the client that it was done to; empty where it was to none. */
  client: string;
  detail: string;
}

function readEntry(value: unknown): AuditEntry {
  const entry = fields(value);
  return {
    id: number(entry["id"]),
    at: number(entry["at"]),
    what: text(entry["what"]),
    who: text(entry["who"]),
    address: text(entry["address"]),
    outcome: text(entry["outcome"]),
    client: text(entry["client_id"]),
    detail: text(entry["detail"]),
  };
}

const AUDIT_PAGE = 50;

export interface AuditFilter {
  /** Empty: every action, every client. */
  what: string;
  client: string;
}

export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: async ({ pageParam }) => {
      const query = new URLSearchParams({ limit: String(AUDIT_PAGE) });
      if (pageParam) query.set("before", String(pageParam));
      if (filter.what) query.set("what", filter.what);
      if (filter.client) query.set("client", filter.client);
      return list(fields(await ask("GET", `${PATHS.audit}?${query}`))["audit"]).map(readEntry);
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.length < AUDIT_PAGE ? null : (last.at(-1)?.id ?? null)),
    staleTime: 0,
    refetchInterval: LOOK_AGAIN_MS,
  });
}
