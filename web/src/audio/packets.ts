/** Cuts a stream of samples into 16-bit packets of one length. Pure; runs in the capture worklet. */
export class Packets {
  private packet: Int16Array;
  private filled = 0;

  constructor(
    private readonly length: number,
    private readonly send: (packet: Int16Array) => void,
  ) {
    this.packet = new Int16Array(length);
  }

  push(samples: Float32Array): void {
    for (const sample of samples) {
      const limited = Math.max(-1, Math.min(1, sample));
      this.packet[this.filled++] = Math.round(limited * 0x7fff);
      if (this.filled === this.length) this.flush();
    }
  }

  private flush(): void {
    this.send(this.packet);
    this.packet = new Int16Array(this.length);
    this.filled = 0;
  }
}
