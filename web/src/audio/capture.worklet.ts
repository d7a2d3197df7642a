/** Microphone samples to 20 ms packets at 16 kHz; copies its input to its output for the meter. */

import { Packets } from "./packets";
import { CAPTURE_NAME, CAPTURE_PACKET, CAPTURE_RATE } from "./protocol";
import { Resampler } from "./resampler";

class Capture extends AudioWorkletProcessor {
  private readonly resampler = sampleRate === CAPTURE_RATE ? null : new Resampler(sampleRate, CAPTURE_RATE);
  private readonly packets = new Packets(CAPTURE_PACKET, (packet) =>
    this.port.postMessage(packet.buffer, [packet.buffer]),
  );

  override process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    if (!samples) return true;
    outputs[0]?.[0]?.set(samples);
    this.packets.push(this.resampler ? this.resampler.process(samples) : samples);
    return true;
  }
}

registerProcessor(CAPTURE_NAME, Capture);
