/** Counts what crosses the sockets of this page, since it was opened. */

export class Traffic {
  framesIn = 0;
  framesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Frames that were not sent: no socket was open, or the session was not ready to hear. */
  unsent = 0;

  received(bytes: number): void {
    this.framesIn++;
    this.bytesIn += bytes;
  }

  sent(bytes: number): void {
    this.framesOut++;
    this.bytesOut += bytes;
  }
}
