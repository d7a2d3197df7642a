/** The kept conversations. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
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

function readConversation(body: unknown): Conversation {
  const conversation = fields(body);
  return { summary: readSummary(conversation["summary"]), turns: list(conversation["turns"]).map(readTurn) };
}

const address = (id: string): string => `${PATHS.conversations}/${encodeURIComponent(id)}`;

/** A page of the list, and of a conversation. */
const PAGE = 50;

async function fetchConversations(before: string): Promise<Summary[]> {
  const after = before && `&before=${encodeURIComponent(before)}`;
  return list(fields(await ask("GET", `${PATHS.conversations}?limit=${PAGE}${after}`))["conversations"]).map(readSummary);
}

/** The latest used first. */
export const conversationsQuery = infiniteQueryOptions({
  queryKey: ["conversations", "list"],
  queryFn: ({ pageParam }) => fetchConversations(pageParam),
  initialPageParam: "",
  getNextPageParam: (last) => (last.length < PAGE ? undefined : last.at(-1)?.id),
});

export interface TurnPage extends Conversation {
  /** Asks for the turns before these; null where there are none. */
  before: number | null;
}

async function fetchTurns(id: string, before: number): Promise<TurnPage> {
  const path = `${address(id)}/turns?limit=${PAGE}${before ? `&before=${before}` : ""}`;
  const page = await ask("GET", path);
  return { ...readConversation(page), before: number(fields(page)["before"]) || null };
}

/** The last turns; the next pages are those before them. */
export const turnsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["conversations", "one", id],
    queryFn: ({ pageParam }) => fetchTurns(id, pageParam),
    initialPageParam: 0,
    getNextPageParam: ({ before }) => before,
  });

export interface Hit {
  conversation: string;
  title: string;
  session: string;
  turn: number;
  at: number;
  /** The words around the match, in pieces; every second one matches. */
  excerpt: string[];
}

function readHit(value: unknown): Hit {
  const { conversation_id, title, session_id, turn, at, excerpt } = fields(value);
  return {
    conversation: text(conversation_id),
    title: text(title),
    session: text(session_id),
    turn: number(turn),
    at: number(at),
    excerpt: text(excerpt).split(/[[\]]/),
  };
}

export const searchQuery = (words: string) =>
  queryOptions({
    queryKey: ["conversations", "search", words],
    queryFn: async () =>
      list(fields(await ask("GET", `${PATHS.conversations}/search?q=${encodeURIComponent(words)}`))["found"]).map(readHit),
    enabled: words.trim() !== "",
  });

export async function renameConversation(id: string, title: string): Promise<void> {
  await ask("PATCH", address(id), { title });
}

/** The appliance keeps it for ten seconds more, in which `restoreConversation` undoes it. */
export async function deleteConversation(id: string): Promise<void> {
  await ask("DELETE", address(id));
}

export async function restoreConversation(id: string): Promise<void> {
  await ask("POST", `${address(id)}/restore`);
}

export type ExportFormat = "markdown" | "json";

export function exportAddress(id: string, format: ExportFormat): string {
  return `${address(id)}/export?format=${format}`;
}

/** The turns of a conversation to go on with; null where it is gone, or somebody else's. */
export async function recallConversation(id: string): Promise<readonly Turn[] | null> {
  try {
    return (await fetchTurns(id, 0)).turns;
  } catch (error) {
    const cause = error instanceof Trouble ? error.cause : null;
    if (cause?.from === "http" && (cause.status === 404 || cause.status === 403)) return null;
    // Away, or not paired yet: it may still be there.
    return [];
  }
}
