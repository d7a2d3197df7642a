/**
 * Every message this page exchanges with the appliance beyond RTVI, in one place: addresses,
 * bodies of HTTP answers, and the payloads of RTVI `server-message`. What arrives is `unknown`
 * until one of the readers here has looked at it.
 */

export const PATHS = {
  health: "/health",
  status: "/api/status",
  sessions: "/api/sessions",
  pair: "/api/pair",
  /** On the plain-http trust page: where https is, and the fingerprint of the CA. */
  trust: "/trust.json",
} as const;

/** Codes of appliance/errors.py that the page treats in a way of their own. */
export const CODES = {
  notPaired: "not_paired",
  sessionLimit: "session_limit",
  notReady: "not_ready",
  tooManyRequests: "too_many_requests",
  notFound: "not_found",
} as const;

/** WebSocket close code that means "this session is over for good": the page does not come back. */
export const CLOSED_FOR_GOOD = 1000;

/** RTVI message that pipecat 1.14 sends on a barge-in and client-js 1.13 does not know yet. */
export const BOT_INTERRUPTED = "bot-interrupted";

/** Field number of `InterruptionFrame` in `pipecat.Frame`, unknown to the transport's protobuf. */
export const INTERRUPTION_FIELD = 5;

export interface SessionRequest {
  conversation_id?: string;
}

export interface SessionOffer {
  sessionId: string;
  conversationId: string;
  /** Path or absolute address of the WebSocket, token included. */
  wsUrl: string;
}

export interface ApiError {
  code: string;
  message: string;
  advice: string;
}

export interface InUse {
  route: string;
  stt: string;
  tts: string;
  llm: string;
  leftTheBox: boolean;
}

export interface Health {
  version: string;
  route: string;
  stt: string;
  tts: string;
  /** Every engine of the plan has answered, or given way to another. */
  ready: boolean;
}

export type TimerState = "set" | "rang" | "cancelled";

export type ServerMessage =
  | { type: "route"; inUse: InUse }
  | { type: "timer"; id: string; name: string; state: TimerState; due: number }
  | { type: "notice"; message: string; advice: string };

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Commands stand in backticks in the appliance's advice; people read quotation marks. */
function words(value: unknown): string {
  return text(value).replace(/`([^`]*)`/g, "“$1”");
}

/** The appliance words its errors for a log line; on the page they begin like a sentence. */
function capital(sentence: string): string {
  return sentence.slice(0, 1).toUpperCase() + sentence.slice(1);
}

/** The error body of the appliance, or null when somebody else (nginx) answered. */
export function readError(body: unknown): ApiError | null {
  const error = fields(fields(body)["error"]);
  const code = text(error["code"]);
  if (!code) return null;
  return { code, message: capital(words(error["message"])), advice: words(error["advice"]) };
}

export function readOffer(body: unknown): SessionOffer | null {
  const offer = fields(body);
  const wsUrl = text(offer["ws_url"]);
  const conversationId = text(offer["conversation_id"]);
  if (!wsUrl || !conversationId) return null;
  return { sessionId: text(offer["session_id"]), conversationId, wsUrl };
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

function readRoute(data: Fields): ServerMessage {
  const engines = fields(data["engines"]);
  return {
    type: "route",
    inUse: {
      route: text(data["route"]) || "local",
      stt: text(engines["stt"]),
      tts: text(engines["tts"]),
      llm: text(engines["llm"]),
      leftTheBox: data["left_the_box"] === true,
    },
  };
}

function readTimer(data: Fields): ServerMessage | null {
  const state = data["state"];
  const id = text(data["id"]);
  if (!id || (state !== "set" && state !== "rang" && state !== "cancelled")) return null;
  return { type: "timer", id, name: text(data["name"]), state, due: Number(data["due"]) || 0 };
}

/** One payload of `server-message`, or null for a type this page does not know. */
export function readServerMessage(value: unknown): ServerMessage | null {
  const data = fields(value);
  switch (data["type"]) {
    case "route":
      return readRoute(data);
    case "timer":
      return readTimer(data);
    case "notice":
      return { type: "notice", message: words(data["message"]), advice: words(data["advice"]) };
    default:
      return null;
  }
}

export interface TrustFacts {
  httpsPort: number;
  fingerprint: string;
}

export function readTrust(body: unknown): TrustFacts {
  const trust = fields(body);
  return { httpsPort: Number(trust["https_port"]) || 443, fingerprint: text(trust["fingerprint"]) };
}

/** Absolute address of a session's WebSocket. `ws_url` may be a path or absolute. */
export function socketAddress(wsUrl: string, page: string): string {
  const url = new URL(wsUrl, page);
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol === "http:") url.protocol = "ws:";
  return url.href;
}
