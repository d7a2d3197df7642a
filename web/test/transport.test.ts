import { describe, expect, it } from "vitest";
import { RTVIMessage } from "@pipecat-ai/client-js";
import { ProtobufFrameSerializer } from "@pipecat-ai/websocket-transport";
import type { Microphone } from "../src/audio/microphone";
import type { Speaker } from "../src/audio/speaker";
import { ApplianceMedia } from "../src/call/media";
import { BOT_INTERRUPTED, FLUSHED } from "../src/server/messages";
import { ApplianceTransport, OrderedSerializer, type TransportEvents } from "../src/call/transport";

const encoder = new ProtobufFrameSerializer();
const blob = (bytes: Uint8Array): Blob => new Blob([Uint8Array.from(bytes)]);
const audio = (value: number): Blob => blob(encoder.serializeAudio(new Int16Array([value]).buffer, 24_000, 1));
const message = (type: string): Blob => blob(encoder.serializeMessage(new RTVIMessage(type, {})));
/** pipecat.Frame { interruption { id: 7, name: "I" } } as protobuf writes it. */
const INTERRUPTION = new Blob([Uint8Array.of(0x2a, 5, 8, 7, 0x12, 1, 0x49)]);

/** A Blob that is slower to read the earlier it was sent. */
class SlowBlob extends Blob {
  constructor(
    content: Blob,
    private readonly turns: number,
  ) {
    super([content]);
  }
  override async arrayBuffer(): Promise<ArrayBuffer> {
    for (let i = 0; i < this.turns; i++) await new Promise((resolve) => setImmediate(resolve));
    return super.arrayBuffer();
  }
}

describe("OrderedSerializer", () => {
  it("keeps the order of arrival", async () => {
    const serializer = new OrderedSerializer(() => undefined, () => undefined);
    const seen: number[] = [];
    await Promise.all(
      [3, 2, 1, 0].map(async (turns, i) => {
        const frame = await serializer.deserialize(new SlowBlob(audio(i), turns));
        if (frame.type === "audio") seen.push(frame.audio[0]!);
      }),
    );
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it("drops what waits at an InterruptionFrame, which need not be an interruption", async () => {
    const did: string[] = [];
    const serializer = new OrderedSerializer(() => did.push("interrupted"), () => did.push("flushed"));
    const decoded = await serializer.deserialize(INTERRUPTION);
    expect(did).toEqual(["flushed"]);
    expect(decoded).toMatchObject({ type: "message", message: { data: { type: FLUSHED } } });
  });

  it("knows an interruption by the RTVI message", async () => {
    const did: string[] = [];
    const serializer = new OrderedSerializer(() => did.push("interrupted"), () => did.push("flushed"));
    await serializer.deserialize(message(BOT_INTERRUPTED));
    expect(did).toEqual(["interrupted"]);
  });

  it("takes nothing else for one, and survives a broken frame", async () => {
    let interruptions = 0;
    const serializer = new OrderedSerializer(() => interruptions++, () => interruptions++);
    await expect(serializer.deserialize(new Blob(["{}"]))).rejects.toThrow();
    await expect(serializer.deserialize("text")).rejects.toThrow();
    expect((await serializer.deserialize(message("bot-ready"))).type).toBe("message");
    expect(interruptions).toBe(0);
  });
});

function bench(): { media: ApplianceMedia; transport: ApplianceTransport; did: string[] } {
  const did: string[] = [];
  const speaker = { flush: () => did.push("flush"), play: (s: Int16Array) => did.push(`play ${s.length}`) };
  const microphone = { mute: (muted: boolean) => did.push(`mute ${muted}`), isOpen: true };
  const media = new ApplianceMedia(microphone as unknown as Microphone, speaker as unknown as Speaker);
  const events: TransportEvents = { interrupted: () => undefined, lost: (code, reason) => did.push(`lost ${code} ${reason}`) };
  return { media, transport: new ApplianceTransport(media, events), did };
}

describe("ApplianceMedia", () => {
  it("plays after a flush what it played before it", async () => {
    const { media, did } = bench();
    media.bufferBotAudio(new Int16Array(480));
    await media.userStartedSpeaking();
    media.bufferBotAudio(new Int16Array(480).buffer);
    expect(did).toEqual(["play 480", "flush", "play 480"]);
  });

  it("is silent and muted at once, and keeps the microphone over a disconnection", async () => {
    const { media, did } = bench();
    await media.enableMic(false);
    await media.disconnect();
    expect(did).toEqual(["mute true", "flush"]);
    expect(media.isMicEnabled).toBe(false);
  });
});

describe("ApplianceTransport", () => {
  it("drops speech from before the session is ready", () => {
    const { media, transport } = bench();
    const sent: ArrayBuffer[] = [];
    transport._sendAudioInput = async (data) => void sent.push(data);
    media.deliver(new ArrayBuffer(640));
    transport.initialize({ transport }, () => undefined);
    transport.state = "ready";
    media.deliver(new ArrayBuffer(2));
    expect(sent.map((packet) => packet.byteLength)).toEqual([2]);
  });

  it("passes on why a connection was lost", () => {
    const { transport, did } = bench();
    transport.initialize({ transport }, () => undefined);
    Object.assign(transport, { _wsUrl: "ws://box/ws/1" });
    transport.initializeWebsocket().emit("close", 1001, "restarting");
    expect(did[0]).toBe("lost 1001 restarting");
  });
});
