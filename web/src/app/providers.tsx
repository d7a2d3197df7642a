/** What every component may use: server state, the call, toasts. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import type { Call } from "../call/call";
import { CallProvider } from "../call/hooks";
import { Toasts } from "../design/toast";
import { healthQuery } from "../server/status";
import { meQuery } from "../server/identity";
import { applyEvent, LiveConnection } from "../server/live";
import { explain, Trouble } from "../server/failures";

const SECOND_TRIES = 2;

/** Only what passes by itself is asked for again. */
function worthAnother(failures: number, error: unknown): boolean {
  return failures < SECOND_TRIES && error instanceof Trouble && explain(error.cause).retry !== null;
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry: worthAnother, staleTime: 10_000, networkMode: "always" }, mutations: { networkMode: "always" } },
  });
}

interface Given {
  call: Call;
  queries: QueryClient;
  children: ReactNode;
}

export function Providers({ call, queries, children }: Given): ReactNode {
  useEffect(() => lookAgainWhenConnected(call, queries), [call, queries]);
  useEffect(() => new LiveConnection((event) => applyEvent(queries, event)).start(), [queries]);
  return (
    <QueryClientProvider client={queries}>
      <CallProvider call={call}>
        <Toasts>{children}</Toasts>
      </CallProvider>
    </QueryClientProvider>
  );
}

/** After a restart the appliance may be another version, with other engines, and know other clients. */
function lookAgainWhenConnected(call: Call, queries: QueryClient): () => void {
  let before = call.state.get().facts;
  return call.state.subscribe(() => {
    const { facts } = call.state.get();
    const connected = facts.transport === "ready" && before.transport !== "ready";
    const revoked = facts.failure?.kind === "revoked" && before.failure?.kind !== "revoked";
    before = facts;
    if (connected) void queries.invalidateQueries({ queryKey: healthQuery.queryKey });
    if (connected || revoked) void queries.invalidateQueries({ queryKey: meQuery.queryKey });
  });
}
