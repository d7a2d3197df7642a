/** Recordings: switched in a live session, kept and deleted with their conversation. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

export interface Recording {
  id: string;
  sessionId: string;
  /** Seconds since the epoch: the place of its first sample. */
  startedAt: number;
  /** Null while it is made. */
  seconds: number | null;
  bytes: number;
}

function readRecording(value: unknown): Recording {
  const recording = fields(value);
  return {
    id: text(recording["id"]),
    sessionId: text(recording["session_id"]),
    startedAt: number(recording["started_at"]),
    seconds: typeof recording["seconds"] === "number" ? recording["seconds"] : null,
    bytes: number(recording["bytes"]),
  };
}

const place = (conversationId: string): string => `${PATHS.conversations}/${encodeURIComponent(conversationId)}/recordings`;

export function recordingsQuery(conversationId: string) {
  return queryOptions({
    queryKey: ["recordings", conversationId],
    queryFn: async () => list(fields(await ask("GET", place(conversationId)))["recordings"]).map(readRecording),
    staleTime: 0,
  });
}

export function soundOf(conversationId: string, recordingId: string): string {
  return `${place(conversationId)}/${encodeURIComponent(recordingId)}`;
}

export async function deleteRecording(conversationId: string, recordingId: string): Promise<void> {
  await ask("DELETE", soundOf(conversationId, recordingId));
}

const recordingOf = (sessionId: string): string => `${PATHS.sessions}/${encodeURIComponent(sessionId)}/recording`;

/** The appliance says so, and reports it as a `recording` message. */
export async function startRecording(sessionId: string): Promise<void> {
  await ask("POST", recordingOf(sessionId));
}

export async function stopRecording(sessionId: string): Promise<void> {
  await ask("DELETE", recordingOf(sessionId));
}
