/** The samples waiting to be played. Pure; runs inside the playback worklet. */

/** Playing starts when this much is queued (40 ms at 24 kHz), so that one late packet is no gap. */
export const START_SAMPLES = 960;

/** A network that lets the queue run dry in mid-speech gets more of a start, up to 160 ms. */
const MAX_START_SAMPLES = 3840;

/** Audio that comes within 100 ms of running dry was late; after that it is a new utterance. */
const LATE_SAMPLES = 2400;

/** Audio shorter than the start is played after 40 ms more: it was the last packet. */
const PATIENCE_SAMPLES = 960;

/** Length of the fade on a flush: 4 ms, too short to be heard as speech, long enough not to click. */
const FADE_SAMPLES = 96;

/** Two minutes at 24 kHz: beyond it the sender is broken, and memory matters more. */
const MAX_SAMPLES = 2_880_000;

export class PlaybackQueue {
  private chunks: Int16Array[] = [];
  private offset = 0;
  private waited = 0;
  private running = false;
  private start = START_SAMPLES;
  /** Samples since the queue ran dry; a flush is not running dry. */
  private dry = LATE_SAMPLES;
  private fading = false;
  /** Samples not played yet. */
  queued = 0;
  /** Samples of speech played since the beginning, silence not counted. */
  played = 0;
  /** How often it ran dry in mid-speech. */
  underruns = 0;
  /** Packets that were refused because there was no room. */
  refused = 0;

  /** Whether speech is being played right now. */
  get playing(): boolean {
    return this.running;
  }

  push(samples: Int16Array): void {
    if (samples.length === 0) return;
    if (this.queued + samples.length > MAX_SAMPLES) {
      this.refused++;
      return;
    }
    this.chunks.push(samples);
    this.queued += samples.length;
    this.fading = false;
  }

  /** Fills `output` (-1..1), with silence where there is nothing to play. */
  pull(output: Float32Array): void {
    if (!this.running) this.consider(output.length);
    let filled = 0;
    while (this.running && filled < output.length) filled += this.take(output, filled);
    output.fill(0, filled);
  }

  /** Drops everything but a few milliseconds, which fade out. */
  flush(): void {
    const rest = new Float32Array(this.running ? Math.min(FADE_SAMPLES, this.queued) : 0);
    const played = this.played;
    let filled = 0;
    while (filled < rest.length) filled += this.take(rest, filled);
    this.played = played;
    this.chunks = [];
    this.offset = this.queued = this.waited = 0;
    this.running = rest.length > 0;
    if (rest.length) this.push(Int16Array.from(rest, (s, i) => s * (1 - i / rest.length) * 0x7fff));
    this.fading = true;
    this.dry = LATE_SAMPLES;
  }

  /** Whether to begin playing, `wanted` samples after this was asked last. */
  private consider(wanted: number): void {
    this.dry += wanted;
    if (this.queued === 0) return;
    if (this.waited === 0) this.adapt();
    this.waited += wanted;
    this.running = this.queued >= this.start || this.waited >= this.start + PATIENCE_SAMPLES;
    if (this.running) this.waited = 0;
  }

  /** A longer start after a gap in mid-speech, a shorter one for every new utterance. */
  private adapt(): void {
    const late = this.dry < LATE_SAMPLES;
    if (late) this.underruns++;
    this.start = late ? Math.min(MAX_START_SAMPLES, this.start * 2) : Math.max(START_SAMPLES, this.start / 2);
  }

  /** Moves samples of the first chunk into `output` from `from` on; returns how many. */
  private take(output: Float32Array, from: number): number {
    const chunk = this.chunks[0];
    if (!chunk) {
      this.running = false;
      this.dry = this.fading ? LATE_SAMPLES : 0;
      return 0;
    }
    const count = Math.min(chunk.length - this.offset, output.length - from);
    for (let i = 0; i < count; i++) output[from + i] = (chunk[this.offset + i] ?? 0) / 0x8000;
    this.offset += count;
    this.queued -= count;
    this.played += count;
    if (this.offset === chunk.length) {
      this.chunks.shift();
      this.offset = 0;
    }
    return count;
  }
}
