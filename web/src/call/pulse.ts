/**
 * Notices within five seconds that nobody is at the other end of an open connection: a box that lost
 * its power, a proxy that hangs. Browsers answer a server's WebSocket pings by themselves and show
 * them to no page, so the page asks.
 */

/** Together with one tick, five seconds at most from the last answer to the verdict. */
const EVERY_MS = 1500;
const PATIENCE_MS = 2900;
const TICK_MS = 500;

/** A tick that comes this late says that the page itself was asleep or busy. */
const LATE_MS = 1500;

export interface PulseEvents {
  /** Milliseconds from a question to its answer. */
  answered(milliseconds: number): void;
  silent(): void;
}

export class Pulse {
  private timer: ReturnType<typeof setInterval> | undefined;
  private askedAt = 0;
  private deadline = 0;
  private ticked = 0;
  private waiting = false;

  /** `ask` resolves when the other side has answered. */
  constructor(
    private readonly ask: () => Promise<unknown>,
    private readonly events: PulseEvents,
  ) {}

  start(): void {
    this.stop();
    this.waiting = false;
    this.ticked = Date.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.send();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    const now = Date.now();
    const late = now - this.ticked - TICK_MS > LATE_MS;
    this.ticked = now;
    // While the page slept, an answer may have come that is only read after this.
    if (late) this.deadline = now + TICK_MS;
    if (!this.waiting) {
      if (now - this.askedAt >= EVERY_MS) this.send();
    } else if (now >= this.deadline) {
      this.stop();
      this.events.silent();
    }
  }

  private send(): void {
    const asked = (this.askedAt = Date.now());
    this.deadline = asked + PATIENCE_MS;
    this.waiting = true;
    this.ask().then(
      () => this.heard(asked),
      // A question that was refused was answered; one that timed out is judged by the tick.
      () => undefined,
    );
  }

  private heard(asked: number): void {
    if (asked !== this.askedAt) return;
    this.waiting = false;
    this.events.answered(Date.now() - asked);
  }
}
