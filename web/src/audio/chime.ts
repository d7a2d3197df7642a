/** The sound of an alarm, made by the page itself: it rings where no session does. */

import { Store } from "../call/store";

/** The strokes of appliance/audio/chime.py. */
const NOTES_HZ = [880, 1174.7, 880, 1174.7];
const NOTE_SECONDS = 0.28;
const LOUDNESS = 0.35;

/** From one ring to the next. */
const REPEAT_MS = 3000;

export class Chime {
  /** Whether the browser forbids sound until somebody touches the page. */
  readonly blocked = new Store(false);
  private context: AudioContext | null = null;
  private repeat: ReturnType<typeof setInterval> | undefined;

  /** Rings again and again until it is stopped. */
  start(): void {
    if (this.repeat !== undefined) return;
    this.unlock();
    this.ring();
    this.repeat = setInterval(() => this.ring(), REPEAT_MS);
  }

  stop(): void {
    clearInterval(this.repeat);
    this.repeat = undefined;
    this.blocked.set(false);
  }

  /** To be called from a click or a key: browsers give sound to nothing else. */
  unlock(): void {
    if (typeof AudioContext === "undefined") return;
    if (!this.context) {
      this.context = new AudioContext();
      this.context.onstatechange = () => this.look();
    }
    // It may wait for a click for ever, and rejects once the context is closed.
    if (this.context.state !== "running") this.context.resume().catch(() => undefined);
  }

  private look(): void {
    const silent = this.context?.state !== "running" && !navigator.userActivation?.isActive;
    this.blocked.set(this.repeat !== undefined && silent);
  }

  private ring(): void {
    this.look();
    const { context } = this;
    // Strokes that are planned while it is suspended would all sound at once later.
    if (context?.state === "running") NOTES_HZ.forEach((hz, at) => strike(context, hz, context.currentTime + at * NOTE_SECONDS));
  }
}

/** One stroke of a bell, which decays before the next. */
function strike(context: AudioContext, hz: number, at: number): void {
  const loudness = context.createGain();
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(LOUDNESS, at + 0.005);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS);
  loudness.connect(context.destination);
  for (const [multiple, share] of [[1, 1], [2, 0.3]] as const) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = hz * multiple;
    gain.gain.value = share;
    tone.connect(gain).connect(loudness);
    tone.start(at);
    tone.stop(at + NOTE_SECONDS);
  }
}
