/**
 * Every message this page exchanges with the appliance beyond RTVI, in one place: addresses,
 * bodies of HTTP answers, and the payloads of RTVI `server-message`. What arrives is `unknown`
 * until one of the readers here has looked at it.
 */

import { fields, text, type Fields } from "./reading";

export const PATHS = {
  health: "/health",
  status: "/api/status",
  selftest: "/api/selftest",
  sessions: "/api/sessions",
  pair: "/api/pair",
  me: "/api/me",
  clients: "/api/clients",
  pairingCodes: "/api/pairing-codes",
  audit: "/api/audit",
  logs: "/api/logs",
  analytics: "/api/analytics",
  analyticsCsv: "/api/analytics.csv",
  conversations: "/api/conversations",
  tasks: "/api/tasks",
  timers: "/api/timers",
  events: "/api/events",
  preferences: "/api/preferences",
  ping: "/api/ping",
  /** On the plain-http trust page: where https is, and the fingerprint of the CA. */
  trust: "/trust.json",
  trustPage: "/trust.html",
} as const;

/** Codes of appliance/errors.py that the page treats in a way of their own. */
export const CODES = {
  notPaired: "not_paired",
  sessionLimit: "session_limit",
  notReady: "not_ready",
  tooManyRequests: "too_many_requests",
  badRequest: "bad_request",
  notFound: "not_found",
} as const;

/** WebSocket close code that means "this session is over for good": the page does not come back. */
export const CLOSED_FOR_GOOD = 1000;

/** WebSocket close code that means "this client may no longer talk". */
export const CLOSED_REVOKED = 4401;

/** All places are taken by people who talk. */
export const CLOSED_NO_PLACE = 1013;

/** RTVI message that pipecat 1.14 sends on a barge-in and client-js 1.13 does not know yet. */
export const BOT_INTERRUPTED = "bot-interrupted";
export const SERVER_MESSAGE = "server-message";
/** Internal to the transport: queued audio was dropped. */
export const FLUSHED = "flushed";

/** Field number of `InterruptionFrame` in `pipecat.Frame`, unknown to the transport's protobuf. */
export const INTERRUPTION_FIELD = 5;

export interface SessionRequest {
  conversation_id?: string;
  /** Without it, a new conversation is kept as this client prefers. */
  keep?: boolean;
}

export interface SessionOffer {
  sessionId: string;
  conversationId: string;
  /** Path or absolute address of the WebSocket, token included. */
  wsUrl: string;
  /** What is said in it is kept. */
  kept: boolean;
}

export interface ApiError {
  code: string;
  message: string;
  advice: string;
  /** Of changed settings: what is wrong with each. */
  faults?: readonly { key: string; expected: string; suggestion: string }[];
}

export interface Health {
  version: string;
  route: string;
  stt: string;
  tts: string;
  /** Every engine of the plan has answered, or given way to another. */
  ready: boolean;
}

export type TimerState = "set" | "paused" | "rang" | "missed" | "stopped" | "cancelled";

export type TaskState = "accepted" | "running" | "done" | "failed" | "cancelled" | "interrupted";

/*
 * The payloads of `server-message`, field for field as appliance/wire.py has them; a test compares
 * both. Times are seconds since the epoch.
 */

/** Which route and engines (by kind) answer, and whether what is said leaves the appliance. */
export interface RouteMessage {
  type: "route";
  route: string;
  engines: Record<string, string>;
  left_the_box: boolean;
}

export interface TimerMessage {
  type: "timer";
  id: string;
  name: string;
  state: TimerState;
  due: number;
  seconds: number;
  left: number;
  client_id: string;
}

/** An agent's task as it is now; its result is fetched apart. */
export interface TaskUpdateMessage {
  type: "task-update";
  id: string;
  agent: string;
  state: TaskState;
  request: string;
  progress: string;
  created_at: number;
  updated_at: number;
}

/** What an agent sent by itself, outside any task. */
export interface AgentSaidMessage {
  type: "agent-said";
  agent: string;
  text: string;
}

/** Sets the volume to a level, or changes it; both in percent. */
export interface VolumeMessage {
  type: "volume";
  level?: number;
  change?: number;
}

/** Whether the session is recorded from now on, and since when. */
export interface RecordingMessage {
  type: "recording";
  on: boolean;
  since?: number;
}

/** Sentences for the user to read. */
export interface NoticeMessage {
  type: "notice";
  message: string;
  advice: string;
}

export type ServerMessage =
  | RouteMessage
  | TimerMessage
  | TaskUpdateMessage
  | AgentSaidMessage
  | VolumeMessage
  | RecordingMessage
  | NoticeMessage;

/** Commands stand in backticks in the appliance's advice; people read quotation marks. */
function words(value: unknown): string {
  return text(value).replace(/`([^`]*)`/g, "“$1”");
}

/** The appliance's errors begin in lower case for its log; on the page they begin like a sentence. */
function capital(sentence: string): string {
  return sentence.slice(0, 1).toUpperCase() + sentence.slice(1);
}

/** The error body of the appliance, or null when nginx answered. */
export function readError(body: unknown): ApiError | null {
  const error = fields(fields(body)["error"]);
  const code = text(error["code"]);
  if (!code) return null;
  const described = { code, message: capital(words(error["message"])), advice: words(error["advice"]) };
  if (!Array.isArray(error["faults"])) return described;
  const faults = error["faults"].map(fields).map(({ key, expected, suggestion }) => {
    return { key: text(key), expected: text(expected), suggestion: text(suggestion) };
  });
  return { ...described, faults };
}

export function readOffer(body: unknown): SessionOffer | null {
  const offer = fields(body);
  const wsUrl = text(offer["ws_url"]);
  const conversationId = text(offer["conversation_id"]);
  if (!wsUrl || !conversationId) return null;
  return { sessionId: text(offer["session_id"]), conversationId, wsUrl, kept: offer["kept"] !== false };
}

export function readHealth(body: unknown): Health {
  const health = fields(body);
  const stt = fields(fields(health["engines"])["stt"]);
  const tts = fields(fields(health["engines"])["tts"]);
  return {
    version: text(health["version"]),
    route: text(health["route"]) || "local",
    stt: text(stt["name"]),
    tts: text(tts["name"]),
    ready: health["ready"] === true,
  };
}

function readRoute(data: Fields): RouteMessage {
  const engines = Object.entries(fields(data["engines"])).map(([kind, name]) => [kind, text(name)]);
  return {
    type: "route",
    route: text(data["route"]) || "local",
    engines: Object.fromEntries(engines),
    left_the_box: data["left_the_box"] === true,
  };
}

const TIMER_STATES: readonly TimerState[] = ["set", "paused", "rang", "missed", "stopped", "cancelled"];

export function readTimer(data: Fields): TimerMessage | null {
  const id = text(data["id"]);
  const state = TIMER_STATES.find((known) => known === data["state"]);
  if (!id || !state) return null;
  return {
    type: "timer",
    id,
    name: text(data["name"]),
    state,
    due: Number(data["due"]) || 0,
    seconds: Number(data["seconds"]) || 0,
    left: Number(data["left"]) || 0,
    client_id: text(data["client_id"]),
  };
}

const TASK_STATES: readonly TaskState[] = ["accepted", "running", "done", "failed", "cancelled", "interrupted"];

export function readTask(data: Fields): TaskUpdateMessage | null {
  const id = text(data["id"]);
  const state = TASK_STATES.find((known) => known === data["state"]);
  if (!id || !state) return null;
  return {
    type: "task-update",
    id,
    agent: text(data["agent"]),
    state,
    request: text(data["request"]),
    progress: text(data["progress"]),
    created_at: Number(data["created_at"]) || 0,
    updated_at: Number(data["updated_at"]) || 0,
  };
}

function readVolume({ level, change }: Fields): VolumeMessage {
  if (typeof level === "number") return { type: "volume", level };
  return { type: "volume", change: Number(change) || 0 };
}

function readRecording({ on, since }: Fields): RecordingMessage {
  const now: RecordingMessage = { type: "recording", on: on === true };
  return typeof since === "number" ? { ...now, since } : now;
}

/** The full text of one task. */
export function readTaskResult(body: unknown): string {
  return text(fields(body)["result"]);
}

/** One payload of `server-message`, or null for a type this page does not know. */
export function readServerMessage(value: unknown): ServerMessage | null {
  const data = fields(value);
  switch (data["type"]) {
    case "route":
      return readRoute(data);
    case "timer":
      return readTimer(data);
    case "task-update":
      return readTask(data);
    case "agent-said":
      return { type: "agent-said", agent: text(data["agent"]), text: text(data["text"]) };
    case "volume":
      return readVolume(data);
    case "recording":
      return readRecording(data);
    case "notice":
      return { type: "notice", message: words(data["message"]), advice: words(data["advice"]) };
    default:
      return null;
  }
}

/** Absolute address of a session's WebSocket. `ws_url` may be a path or absolute. */
export function socketAddress(wsUrl: string, page: string): string {
  const url = new URL(wsUrl, page);
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol === "http:") url.protocol = "ws:";
  return url.href;
}
