/**
 * The transport's media manager, with ears and a voice of our own.
 *
 * `WavMediaManager` of @pipecat-ai/websocket-transport 1.7.1 is kept as the base, for its contract
 * with the transport, but its recorder and player are not used, because in that version
 *  - after one `interrupt()` the player drops all later audio (every packet has the track id
 *    "default", which the interruption marks as dead), and the transport never calls it;
 *  - an underrun ends the player's node, and what arrives before the page hears of that is lost;
 *  - the recorder keeps every sample since its start (230 MB an hour) and cannot run in Firefox;
 *  - its worklets come from blob: addresses, which a strict content security policy forbids.
 */

import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
import { WavMediaManager } from "@pipecat-ai/websocket-transport";
import type { Microphone } from "../audio/microphone";
import type { Speaker } from "../audio/speaker";
import { Traffic } from "./traffic";

export class ApplianceMedia extends WavMediaManager {
  readonly traffic = new Traffic();

  constructor(
    private readonly microphone: Microphone,
    private readonly speaker: Speaker,
  ) {
    super();
  }

  /** One media manager serves every session of the page, so newer options replace older ones. */
  override setClientOptions(options: PipecatClientOptions): void {
    super.setClientOptions(options, true);
  }

  /** Passes a packet of the microphone to the session that is up, if any. */
  deliver(packet: ArrayBuffer): void {
    this._userAudioCallback?.(packet);
  }

  /** Both are opened by the page, in the click that connects; a session finds them open. */
  override async initialize(): Promise<void> {}
  override async connect(): Promise<void> {}

  /** The end of a session: silence, but the microphone stays for the next one. */
  override async disconnect(): Promise<void> {
    this.speaker.flush();
  }

  override async userStartedSpeaking(): Promise<unknown> {
    this.silence();
    return null;
  }

  /** Drops what has not been played yet. */
  silence(): void {
    this.speaker.flush();
  }

  override bufferBotAudio(data: ArrayBuffer | Int16Array): Int16Array {
    const samples = data instanceof Int16Array ? data : new Int16Array(data);
    this.speaker.play(samples);
    return samples;
  }

  override async enableMic(enable: boolean): Promise<void> {
    this.microphone.mute(!enable);
    this._micEnabled = enable;
  }

  override get isMicEnabled(): boolean {
    return this._micEnabled && this.microphone.isOpen;
  }

  override tracks(): Tracks {
    const { track } = this.microphone;
    return { local: track ? { audio: track } : {} };
  }

  override async getAllMics(): Promise<MediaDeviceInfo[]> {
    return [];
  }

  override async updateMic(): Promise<void> {}

  override get selectedMic(): Record<string, never> {
    return {};
  }
}
