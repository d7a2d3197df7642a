import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorNote } from "./error-note";
import { Spinner } from "./spinner";

/** What a query brought; while it is under way or has failed, that is said instead. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }): ReactNode {
  const { data, error, refetch } = query;
  if (data !== undefined) return children(data);
  return error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Spinner />;
}
