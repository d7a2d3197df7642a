/** The kept conversations. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { Trouble } from "./failures";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

export interface Summary {
  id: string;
  /** The beginning of the first thing that was said; empty before. */
  title: string;
  /** Seconds since the epoch. */
  updatedAt: number;
  turns: number;
}

export interface Turn {
  /** Of the session, and of the turn in it: together they name it. */
  session: string;
  number: number;
  startedAt: number;
  said: string;
  /** As far as it was heard. */
  answer: string;
  engines: Record<string, string>;
  leftTheBox: boolean;
}

export interface Conversation {
  summary: Summary;
  turns: Turn[];
}

function readSummary(value: unknown): Summary {
  const summary = fields(value);
  const { id, title, updated_at, turns } = summary;
  return { id: text(id), title: text(title), updatedAt: number(updated_at), turns: number(turns) };
}

function readTurn(value: unknown): Turn {
  const turn = fields(value);
  const engines = Object.entries(fields(turn["engines"])).map(([kind, name]) => [kind, text(name)]);
  return {
    session: text(turn["session_id"]),
    number: number(turn["number"]),
    startedAt: number(turn["started_at"]),
    said: text(turn["user_text"]),
    answer: text(turn["answer"]),
    engines: Object.fromEntries(engines),
    leftTheBox: turn["left_the_box"] === true,
  };
}

export function readConversation(body: unknown): Conversation {
  const conversation = fields(body);
  return { summary: readSummary(conversation["summary"]), turns: list(conversation["turns"]).map(readTurn) };
}

export async function fetchConversation(id: string): Promise<Conversation> {
  return readConversation(await ask("GET", `${PATHS.conversations}/${encodeURIComponent(id)}`));
}

export const conversationsQuery = queryOptions({
  queryKey: ["conversations"],
  queryFn: async () => list(fields(await ask("GET", PATHS.conversations))["conversations"]).map(readSummary),
});

export const conversationQuery = (id: string) =>
  queryOptions({ queryKey: ["conversations", id], queryFn: () => fetchConversation(id) });

/** The turns of a conversation to go on with; null where it is gone, or somebody else's. */
export async function recallConversation(id: string): Promise<readonly Turn[] | null> {
  try {
    return (await fetchConversation(id)).turns;
  } catch (error) {
    const cause = error instanceof Trouble ? error.cause : null;
    if (cause?.from === "http" && (cause.status === 404 || cause.status === 403)) return null;
    // Away, or not paired yet: it may still be there.
    return [];
  }
}
