/**
 * Streaming conversion of a microphone's rate to 16 kHz, for browsers that refuse to connect a
 * microphone to an AudioContext of another rate (Firefox, bug 1674892). Windowed sinc, so that
 * nothing above 8 kHz folds back into speech.
 */

/** Zero crossings of the sinc on each side: 80 dB of rejection with a Blackman window. */
const CROSSINGS = 12;

/** Kernel table entries per input sample; the error of the nearest entry is below 16 bits. */
const RESOLUTION = 256;

export class Resampler {
  private readonly step: number;
  private readonly reach: number;
  private readonly kernel: Float32Array;
  private history: Float32Array;
  /** Position of the next output sample in `history`. */
  private position: number;

  constructor(inputRate: number, outputRate: number) {
    this.step = inputRate / outputRate;
    const width = Math.max(1, this.step);
    this.reach = Math.ceil(CROSSINGS * width);
    this.kernel = kernelTable(this.reach, width);
    this.history = new Float32Array(this.reach);
    this.position = this.reach;
  }

  /** Output samples that `input` completes; their number varies by one from call to call. */
  process(input: Float32Array): Float32Array {
    const all = new Float32Array(this.history.length + input.length);
    all.set(this.history);
    all.set(input, this.history.length);
    const output: number[] = [];
    for (; this.position + this.reach < all.length; this.position += this.step) {
      output.push(this.at(all, this.position));
    }
    const keepFrom = Math.max(0, Math.floor(this.position) - this.reach);
    this.history = all.slice(keepFrom);
    this.position -= keepFrom;
    return Float32Array.from(output);
  }

  private at(samples: Float32Array, position: number): number {
    const first = Math.max(0, Math.ceil(position - this.reach));
    const last = Math.floor(position + this.reach);
    let sum = 0;
    for (let i = first; i <= last; i++) {
      const weight = this.kernel[Math.round(Math.abs(position - i) * RESOLUTION)] ?? 0;
      sum += (samples[i] ?? 0) * weight;
    }
    return sum;
  }
}

function kernelTable(reach: number, width: number): Float32Array {
  const table = new Float32Array(reach * RESOLUTION + 1);
  for (let i = 0; i < table.length; i++) {
    const x = i / RESOLUTION;
    const phase = (Math.PI * x) / width;
    const sinc = i === 0 ? 1 : Math.sin(phase) / phase;
    const turn = (Math.PI * x) / reach;
    table[i] = (sinc * (0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn))) / width;
  }
  return table;
}
