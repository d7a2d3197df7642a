/** The WebSocket transport of pipecat, with what a barge-in and a lost connection need. */

import { RTVIMessage } from "@pipecat-ai/client-js";
import { ProtobufFrameSerializer, WebSocketTransport } from "@pipecat-ai/websocket-transport";
import { CAPTURE_RATE, PLAYBACK_RATE } from "../audio/protocol";
import type { ApplianceMedia } from "./media";
import { BOT_INTERRUPTED, FLUSHED, INTERRUPTION_FIELD, SERVER_MESSAGE } from "../server/messages";

/** Field number and wire type 2 (length-delimited): the first byte of such a frame. */
const INTERRUPTION_TAG = (INTERRUPTION_FIELD << 3) | 2;

/** An InterruptionFrame carries an id and a name only; audio and messages are longer. */
const INTERRUPTION_MAX_BYTES = 128;

async function isInterruption(data: unknown): Promise<boolean> {
  if (!(data instanceof Blob) || data.size > INTERRUPTION_MAX_BYTES) return false;
  const [tag] = new Uint8Array(await data.slice(0, 1).arrayBuffer());
  return tag === INTERRUPTION_TAG;
}

type Incoming = Awaited<ReturnType<ProtobufFrameSerializer["deserialize"]>>;

/**
 * Decodes frames strictly in the order of their arrival (the base class reads each Blob on its own,
 * so two packets of audio could change places) and knows the InterruptionFrame, at which the base
 * class throws: what has not been played is dropped (`onFlush`). Whether the answer was interrupted
 * or goes on after a cough, the RTVI message tells (`onInterrupted`).
 */
export class OrderedSerializer extends ProtobufFrameSerializer {
  private previous: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly onInterrupted: () => void,
    private readonly onFlush: () => void,
  ) {
    super();
  }

  override deserialize(data: unknown): Promise<Incoming> {
    const decoded = this.previous.then(() => this.decode(data));
    this.previous = decoded.catch(() => undefined);
    return decoded;
  }

  private async decode(data: unknown): Promise<Incoming> {
    if (await isInterruption(data)) {
      this.onFlush();
      return { type: "message", message: new RTVIMessage(SERVER_MESSAGE, { type: FLUSHED }) };
    }
    const frame: Incoming = await super.deserialize(data);
    if (frame.type === "message" && frame.message.type === BOT_INTERRUPTED) this.onInterrupted();
    return frame;
  }
}

export interface TransportEvents {
  interrupted(): void;
  /** The connection broke off or was closed by the appliance; `code` is the WebSocket's, or 0. */
  lost(code: number, reason: string): void;
}

export class ApplianceTransport extends WebSocketTransport {
  private socket: ReturnType<WebSocketTransport["initializeWebsocket"]> | null = null;

  constructor(
    private readonly media: ApplianceMedia,
    private readonly events: TransportEvents,
  ) {
    super({
      mediaManager: media,
      serializer: new OrderedSerializer(
        () => events.interrupted(),
        () => media.silence(),
      ),
      recorderSampleRate: CAPTURE_RATE,
      playerSampleRate: PLAYBACK_RATE,
    });
  }

  override initializeWebsocket(): ReturnType<WebSocketTransport["initializeWebsocket"]> {
    const socket = (this.socket = super.initializeWebsocket());
    // Before the base class, whose own handler passes on the code as part of a sentence only.
    socket.prependListener("message", (data: unknown) => this.media.traffic.received(data instanceof Blob ? data.size : 0));
    socket.prependListener("close", (code: number, reason: string) => this.events.lost(code, reason));
    return socket;
  }

  override connectionError(message: string): void {
    this.events.lost(0, message);
  }

  /** Speech from before the session was ready is dropped: late audio confuses voice detection. */
  override handleUserAudioStream(data: ArrayBuffer): void {
    if (this.state === "ready") super.handleUserAudioStream(data);
    else this.media.traffic.unsent++;
  }

  override async _sendMsg(message: unknown): Promise<void> {
    const open = this.isOpen;
    await super._sendMsg(message);
    if (!(message instanceof Uint8Array)) return;
    if (open) this.media.traffic.sent(message.byteLength);
    else this.media.traffic.unsent++;
  }

  private get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }
}
