/** One live connection to the appliance, from opening to closing; used once. */

import {
  LogLevel,
  PipecatClient,
  type BotOutputData,
  type PipecatMetricsData,
  RTVIMessage,
  RTVIMessageType,
  type RTVIEventCallbacks,
  type TransportState,
} from "@pipecat-ai/client-js";
import { Trouble } from "../server/failures";
import type { ApplianceMedia } from "./media";
import { readServerMessage, type ServerMessage } from "../server/messages";
import { Pulse } from "./pulse";
import { ApplianceTransport } from "./transport";

/** From opening the socket to `bot-ready`: a pipeline starts in well under a second. */
const READY_MS = 15_000;

/** Longer than the pulse waits, which gives the verdict. */
const ANSWER_MS = 10_000;

export type SessionEvent =
  | { type: "state"; state: TransportState }
  | { type: "user-started" | "user-stopped" | "bot-started" | "bot-stopped" | "interrupted" }
  | { type: "transcript"; text: string; final: boolean }
  | { type: "output"; output: BotOutputData }
  | { type: "server"; message: ServerMessage }
  | { type: "metrics"; metrics: PipecatMetricsData }
  | { type: "error"; message: string }
  | { type: "round-trip"; milliseconds: number }
  /** `silent`: the connection stands, and nobody answers. */
  | { type: "lost"; code: number; reason: string; silent?: true };

export class Session {
  private readonly client: PipecatClient;
  private readonly transport: ApplianceTransport;
  private readonly pulse: Pulse;
  private closed = false;

  /** `emit` is called for everything that happens until the session is closed, then no more. */
  constructor(
    media: ApplianceMedia,
    private readonly emit: (event: SessionEvent) => void,
  ) {
    this.pulse = new Pulse(() => this.ask("ping"), {
      answered: (milliseconds) => this.tell({ type: "round-trip", milliseconds }),
      silent: () => this.tell({ type: "lost", code: 0, reason: "", silent: true }),
    });
    this.transport = new ApplianceTransport(media, {
      interrupted: () => this.tell({ type: "interrupted" }),
      lost: (code, reason) => this.tell({ type: "lost", code, reason }),
    });
    this.client = new PipecatClient({
      transport: this.transport,
      enableMic: media.isMicEnabled,
      enableCam: false,
      callbacks: this.callbacks(),
    });
    this.client.setLogLevel(LogLevel.WARN);
  }

  private tell(event: SessionEvent): void {
    if (!this.closed) this.emit(event);
  }

  private callbacks(): RTVIEventCallbacks {
    return {
      onTransportStateChanged: (state) => this.tell({ type: "state", state }),
      onUserStartedSpeaking: () => this.tell({ type: "user-started" }),
      onUserStoppedSpeaking: () => this.tell({ type: "user-stopped" }),
      onBotStartedSpeaking: () => this.tell({ type: "bot-started" }),
      onBotStoppedSpeaking: () => this.tell({ type: "bot-stopped" }),
      onUserTranscript: ({ text, final }) => this.tell({ type: "transcript", text, final }),
      onBotOutput: (output) => this.tell({ type: "output", output }),
      onMetrics: (metrics) => this.tell({ type: "metrics", metrics }),
      onServerMessage: (data) => {
        const message = readServerMessage(data);
        if (message) this.tell({ type: "server", message });
      },
      onError: (message) => this.tell({ type: "error", message: errorText(message) }),
      onMessageError: (message) => this.tell({ type: "error", message: errorText(message) }),
    };
  }

  /** Connects and resolves at `bot-ready`; rejects with `Trouble`. */
  async open(address: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Trouble({ from: "silence" })), READY_MS);
    });
    try {
      await Promise.race([this.client.connect({ wsUrl: address }), tooLate]);
    } catch (error) {
      throw error instanceof Trouble ? error : new Trouble({ from: "network" });
    } finally {
      clearTimeout(timer);
    }
    if (!this.closed) this.pulse.start();
  }

  /** Resolves when the appliance has taken the text: frames are taken in their order. */
  async send(text: string, id: string): Promise<void> {
    const options = { run_immediately: true, audio_response: true };
    this.transport.sendMessage(new RTVIMessage(RTVIMessageType.SEND_TEXT, { content: text, options }, id));
    await this.ask("ping");
  }

  /** Silences the answer. */
  stop(): void {
    this.client.sendClientMessage("stop");
  }

  private ask(what: string): Promise<unknown> {
    return this.client.sendClientRequest(what, {}, ANSWER_MS);
  }

  /** Ends it; nothing is emitted afterwards. Closing twice is closing once. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.pulse.stop();
    await this.client.disconnect();
  }
}

function errorText(message: RTVIMessage): string {
  const data = (message.data ?? {}) as { error?: unknown; message?: unknown };
  const words = data.error ?? data.message;
  return typeof words === "string" && words ? words : "The appliance reported an error.";
}
