/** Loudness of what passes an AnalyserNode. */

/** 512 samples: 21 ms at 24 kHz, so that silence shows within one frame of the display. */
const WINDOW = 512;

export class Meter {
  readonly node: AnalyserNode;
  private readonly samples = new Float32Array(WINDOW);

  constructor(context: AudioContext) {
    this.node = context.createAnalyser();
    this.node.fftSize = WINDOW;
  }

  /** Root mean square of the last window, 0..1. */
  level(): number {
    this.node.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / WINDOW);
  }
}
