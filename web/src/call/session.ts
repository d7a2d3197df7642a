/** One live connection to the appliance, from opening to closing; used once. */

import {
  LogLevel,
  PipecatClient,
  type BotOutputData,
  type PipecatMetricsData,
  type RTVIEventCallbacks,
  type RTVIMessage,
  type TransportState,
} from "@pipecat-ai/client-js";
import { Trouble } from "../server/failures";
import type { ApplianceMedia } from "./media";
import { readServerMessage, type ServerMessage } from "../server/messages";
import { ApplianceTransport } from "./transport";

/** From opening the socket to `bot-ready`: a pipeline starts in well under a second. */
const READY_MS = 15_000;

export type SessionEvent =
  | { type: "state"; state: TransportState }
  | { type: "user-started" | "user-stopped" | "bot-started" | "bot-stopped" | "interrupted" }
  | { type: "transcript"; text: string; final: boolean }
  | { type: "output"; output: BotOutputData }
  | { type: "server"; message: ServerMessage }
  | { type: "metrics"; metrics: PipecatMetricsData }
  | { type: "error"; message: string }
  | { type: "lost"; code: number; reason: string };

export class Session {
  private readonly client: PipecatClient;
  private closed = false;

  /** `emit` is called for everything that happens until the session is closed, then no more. */
  constructor(
    media: ApplianceMedia,
    private readonly emit: (event: SessionEvent) => void,
  ) {
    const transport = new ApplianceTransport(media, {
      interrupted: () => this.tell({ type: "interrupted" }),
      lost: (code, reason) => this.tell({ type: "lost", code, reason }),
    });
    this.client = new PipecatClient({
      transport,
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
  }

  async send(text: string): Promise<void> {
    await this.client.sendText(text, { run_immediately: true, audio_response: true });
  }

  /** Ends it; nothing is emitted afterwards. Closing twice is closing once. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.client.disconnect();
  }
}

function errorText(message: RTVIMessage): string {
  const data = (message.data ?? {}) as { error?: unknown; message?: unknown };
  const words = data.error ?? data.message;
  return typeof words === "string" && words ? words : "The appliance reported an error.";
}
