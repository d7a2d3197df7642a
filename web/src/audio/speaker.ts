/** The assistant's voice: one AudioContext, one worklet, one queue for the life of the page. */

import { Trouble } from "../server/failures";
import { Meter } from "./meter";
import playbackUrl from "./playback.worklet?worker&url";
import { NOTHING_PLAYED, PLAYBACK_NAME, PLAYBACK_RATE, type FromPlayback, type ToPlayback } from "./protocol";

export class Speaker {
  private opening: Promise<void> | null = null;
  private context: AudioContext | null = null;
  private node: AudioWorkletNode | null = null;
  private meter: Meter | null = null;
  private gain: GainNode | null = null;
  private percent = 100;
  private position = NOTHING_PLAYED;
  /** Samples sent to the worklet that its last report does not cover yet. */
  private received = 0;

  /** `onMove` is called with the seconds heard so far and whether speech is being played. */
  constructor(
    private readonly onMove: (heard: number, playing: boolean) => void,
    private readonly device: () => string = () => "",
  ) {}

  /**
   * Opens the output, once. The first call must come from a click, or the browser keeps it silent.
   * Rejects with `Trouble` when the worklet cannot be fetched; a later call tries again.
   */
  open(): Promise<void> {
    this.opening ??= this.begin().catch((): never => {
      this.opening = null;
      throw new Trouble({ from: "network" });
    });
    return this.opening;
  }

  private async begin(): Promise<void> {
    // A page opened over plain http has no worklets: it stays mute, and its text still works.
    if (!window.isSecureContext) return;
    const context = (this.context ??= new AudioContext({ sampleRate: PLAYBACK_RATE, latencyHint: "interactive" }));
    void this.wake();
    await this.useDevice();
    await context.audioWorklet.addModule(playbackUrl);
    const node = new AudioWorkletNode(context, PLAYBACK_NAME, { numberOfInputs: 0, outputChannelCount: [1] });
    node.port.onmessage = (event: MessageEvent<FromPlayback>): void => {
      this.position = event.data;
      this.onMove(event.data.played / PLAYBACK_RATE, event.data.playing);
    };
    this.meter = new Meter(context);
    this.gain = new GainNode(context, { gain: this.percent / 100 });
    node.connect(this.gain).connect(this.meter.node).connect(context.destination);
    this.node = node;
  }

  /** Plays by the chosen loudspeaker, where the browser lets a page choose. */
  async useDevice(): Promise<void> {
    const { context } = this;
    if (!context || !("setSinkId" in context)) return;
    // One that was unplugged is refused: the system's own goes on.
    await (context as AudioContext & { setSinkId(id: string): Promise<void> }).setSinkId(this.device()).catch(() => undefined);
  }

  /** A short tone, to hear whether it is the right loudspeaker and loud enough. */
  async testSound(): Promise<void> {
    await this.open();
    const { context, gain } = this;
    if (!context || !gain) return;
    await this.wake();
    const [tone, envelope] = [new OscillatorNode(context, { frequency: 523 }), new GainNode(context, { gain: 0 })];
    const now = context.currentTime;
    envelope.gain.setTargetAtTime(0.25, now, 0.02);
    envelope.gain.setTargetAtTime(0, now + 0.5, 0.08);
    tone.connect(envelope).connect(gain);
    tone.start(now);
    tone.stop(now + 1.2);
  }

  /** Wakes an output that the system put to sleep (a call, a locked screen). */
  async wake(): Promise<void> {
    if (this.context && this.context.state !== "running") await this.context.resume();
  }

  play(samples: Int16Array): void {
    this.received += samples.length;
    this.send({ play: samples }, [samples.buffer as ArrayBuffer]);
  }

  /** How loud the voice is, in percent of what the system allows. */
  get volume(): number {
    return this.percent;
  }

  setVolume(percent: number): void {
    this.percent = Math.min(100, Math.max(0, percent));
    if (this.gain) this.gain.gain.value = this.percent / 100;
  }

  /** Silences the voice: what is queued is dropped within one audio block. */
  flush(): void {
    this.received = this.position.played;
    this.send({ flush: true }, []);
  }

  private send(message: ToPlayback, transfer: Transferable[]): void {
    this.node?.port.postMessage(message, transfer);
  }

  /** Second of heard audio at which something that arrives now will begin to be heard. */
  get nextSecond(): number {
    return Math.max(this.received, this.position.played) / PLAYBACK_RATE;
  }

  /** What the worklet reported last. */
  get playback(): FromPlayback {
    return this.position;
  }

  get playing(): boolean {
    return this.position.playing;
  }

  /** Loudness of what leaves for the loudspeaker now, 0..1. */
  level(): number {
    return this.meter?.level() ?? 0;
  }
}
