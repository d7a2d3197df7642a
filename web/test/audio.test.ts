import { describe, expect, it } from "vitest";
import { Packets } from "../src/audio/packets";
import { PlaybackQueue, START_SAMPLES } from "../src/audio/queue";
import { Resampler } from "../src/audio/resampler";

const BLOCK = 128;
const loud = (length: number): Int16Array => new Int16Array(length).fill(16_384);

function pull(queue: PlaybackQueue, blocks: number): Float32Array {
  const heard = new Float32Array(blocks * BLOCK);
  for (let i = 0; i < blocks; i++) queue.pull(heard.subarray(i * BLOCK, (i + 1) * BLOCK));
  return heard;
}

const sounding = (samples: Float32Array): number => samples.filter((sample) => sample !== 0).length;

describe("PlaybackQueue", () => {
  it("plays every sample once, in order, over odd packet sizes", () => {
    const queue = new PlaybackQueue();
    const sent = Int16Array.from({ length: 3000 }, (_, i) => i + 1);
    for (const [from, to] of [[0, 7], [7, 1000], [1000, 2999], [2999, 3000]]) queue.push(sent.slice(from, to));
    const heard = pull(queue, 30).filter((sample) => sample !== 0);
    expect(Array.from(heard, (sample) => Math.round(sample * 0x8000))).toEqual(Array.from(sent));
    expect(queue.played).toBe(3000);
    expect(queue.queued).toBe(0);
  });

  it("waits for a little audio before it starts, but not for ever", () => {
    const queue = new PlaybackQueue();
    queue.push(loud(START_SAMPLES / 2));
    expect(sounding(pull(queue, 1))).toBe(0);
    queue.push(loud(START_SAMPLES / 2));
    expect(sounding(pull(queue, 1))).toBe(BLOCK);
    const short = new PlaybackQueue();
    short.push(loud(100));
    expect(sounding(pull(short, 30))).toBe(100);
  });

  it("goes on after it ran dry: late audio is not lost", () => {
    const queue = new PlaybackQueue();
    queue.push(loud(START_SAMPLES));
    pull(queue, 10);
    expect(queue.playing).toBe(false);
    queue.push(loud(START_SAMPLES));
    expect(sounding(pull(queue, 40))).toBe(START_SAMPLES);
  });

  it("takes a longer start where audio came late, and a short one again for a new utterance", () => {
    const queue = new PlaybackQueue();
    const startsAfter = (): number => {
      for (let sent = 480; ; sent += 480) {
        queue.push(loud(480));
        if (sounding(pull(queue, 1))) return sent;
      }
    };
    expect(startsAfter()).toBe(960);
    pull(queue, 10);
    expect(startsAfter()).toBe(1920);
    pull(queue, 20);
    expect(startsAfter()).toBe(3840);
    pull(queue, 60);
    expect(startsAfter()).toBe(1920);
    pull(queue, 60);
    expect(startsAfter()).toBe(960);
  });

  it("does not take a barge-in for a bad network", () => {
    const queue = new PlaybackQueue();
    queue.push(loud(48_000));
    pull(queue, 4);
    queue.flush();
    pull(queue, 4);
    queue.push(loud(START_SAMPLES));
    expect(sounding(pull(queue, 1))).toBe(BLOCK);
  });

  it("is silent within one block of a flush, fades, and plays what comes after it", () => {
    const queue = new PlaybackQueue();
    queue.push(loud(48_000));
    pull(queue, 4);
    queue.flush();
    const after = pull(queue, 2);
    expect(sounding(after)).toBeLessThan(BLOCK);
    expect(after.slice(0, 90).every((sample, i) => i === 0 || sample <= after[i - 1]!)).toBe(true);
    expect(queue.playing).toBe(false);
    queue.push(loud(START_SAMPLES));
    expect(sounding(pull(queue, 8))).toBe(START_SAMPLES);
  });

  it("counts what was heard, not what was dropped", () => {
    const queue = new PlaybackQueue();
    queue.push(loud(48_000));
    pull(queue, 4);
    queue.flush();
    pull(queue, 4);
    expect(queue.played).toBeLessThan(5 * BLOCK);
  });

  it("does not grow without bound", () => {
    const queue = new PlaybackQueue();
    for (let i = 0; i < 400; i++) queue.push(loud(24_000));
    expect(queue.queued).toBeLessThanOrEqual(24_000 * 120);
  });
});

describe("Packets", () => {
  it("cuts whole packets, clips, and keeps the rest", () => {
    const sent: number[][] = [];
    const packets = new Packets(4, (packet) => sent.push(Array.from(packet)));
    packets.push(Float32Array.of(0, 2, -2, 0.5, 1));
    packets.push(Float32Array.of(0, 0, 0));
    expect(sent).toEqual([[0, 32767, -32767, 16384], [32767, 0, 0, 0]]);
  });
});

describe.each([48_000, 44_100])("Resampler from %i", (rate) => {
  const level = (hertz: number): number => {
    const resampler = new Resampler(rate, 16_000);
    const output: number[] = [];
    for (let start = 0; start < rate; start += BLOCK) {
      const tone = Float32Array.from({ length: BLOCK }, (_, i) => Math.sin((2 * Math.PI * hertz * (start + i)) / rate));
      output.push(...resampler.process(tone));
    }
    expect(Math.abs(output.length - 16_000)).toBeLessThan(40);
    const settled = output.slice(500, -500);
    return Math.sqrt(settled.reduce((sum, sample) => sum + sample * sample, 0) / settled.length) * Math.SQRT2;
  };

  it("keeps speech", () => {
    expect(level(200)).toBeCloseTo(1, 1);
    expect(level(3000)).toBeCloseTo(1, 1);
  });

  it("lets nothing above 8 kHz fold back into speech", () => {
    expect(level(11_000)).toBeLessThan(0.001);
  });
});
