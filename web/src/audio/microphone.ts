/** The microphone: asked for once, kept over reconnections, released on hanging up. */

import { micStateOf, type MicState } from "../server/failures";
import captureUrl from "./capture.worklet?worker&url";
import { Meter } from "./meter";
import { CAPTURE_NAME, CAPTURE_RATE } from "./protocol";

const WISHES: MediaTrackConstraints = {
  channelCount: 1,
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

export class Microphone {
  private stream: MediaStream | null = null;
  private context: AudioContext | null = null;
  private meter: Meter | null = null;
  private muted = false;

  /** `onPacket` gets 20 ms of 16-bit samples at 16 kHz; `onLost` is called when it goes away; `device` is the id of the chosen one. */
  constructor(
    private readonly onPacket: (packet: ArrayBuffer) => void,
    private readonly onLost: () => void,
    private readonly device: () => string = () => "",
  ) {}

  /** Opens it and says how that went; never throws. Opening an open one changes nothing. */
  async open(): Promise<MicState> {
    if (this.stream) return "on";
    if (!window.isSecureContext || !navigator.mediaDevices) return "insecure";
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: this.wishes() });
      await this.listen(this.stream);
      return "on";
    } catch (error) {
      await this.close();
      return micStateOf(error instanceof DOMException ? error.name : "");
    }
  }

  /** The chosen one where it is plugged in, any other where not. */
  private wishes(): MediaTrackConstraints {
    const id = this.device();
    return id ? { ...WISHES, deviceId: { ideal: id } } : WISHES;
  }

  private async listen(stream: MediaStream): Promise<void> {
    const [context, source] = connect(stream);
    this.context = context;
    await context.audioWorklet.addModule(captureUrl);
    const node = new AudioWorkletNode(context, CAPTURE_NAME, { channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = (event: MessageEvent<ArrayBuffer>): void => this.onPacket(event.data);
    this.meter = new Meter(context);
    source.connect(node).connect(this.meter.node);
    this.mute(this.muted);
    for (const track of stream.getAudioTracks()) track.addEventListener("ended", () => void this.lose());
  }

  private async lose(): Promise<void> {
    await this.close();
    this.onLost();
  }

  /** Muted, it goes on sending: silence. The server's ear needs it to notice that speech ended. */
  mute(muted: boolean): void {
    this.muted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  get isOpen(): boolean {
    return this.stream !== null;
  }

  get track(): MediaStreamTrack | undefined {
    return this.stream?.getAudioTracks()[0];
  }

  level(): number {
    return this.meter?.level() ?? 0;
  }

  async wake(): Promise<void> {
    if (this.context && this.context.state !== "running") await this.context.resume();
  }

  /** Releases the device; closing twice is closing once. */
  async close(): Promise<void> {
    const { stream, context } = this;
    this.stream = this.context = this.meter = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    if (context && context.state !== "closed") await context.close();
  }
}

/** At 16 kHz where the browser resamples for us, at its own rate where it refuses (Firefox). */
function connect(stream: MediaStream): [AudioContext, MediaStreamAudioSourceNode] {
  const context = new AudioContext({ sampleRate: CAPTURE_RATE });
  try {
    return [context, context.createMediaStreamSource(stream)];
  } catch {
    void context.close();
    const native = new AudioContext();
    return [native, native.createMediaStreamSource(stream)];
  }
}
