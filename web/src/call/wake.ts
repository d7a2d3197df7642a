/**
 * Keeps the screen of a phone on while somebody talks: a locked phone takes the microphone away.
 * Where the browser has no wake lock, or refuses it (low battery), nothing is lost but comfort.
 */
export class WakeLock {
  private held: Promise<WakeLockSentinel | null> | null = null;

  /** Takes or gives back the lock; asking for what already is changes nothing. */
  keep(awake: boolean): void {
    if (awake) this.held ??= this.request();
    else void this.release();
  }

  /** The browser drops the lock when the page is hidden; to be called when it is shown again. */
  renew(): void {
    if (this.held) this.held = this.request();
  }

  private async request(): Promise<WakeLockSentinel | null> {
    if (!("wakeLock" in navigator)) return null;
    return navigator.wakeLock.request("screen").catch(() => null);
  }

  private async release(): Promise<void> {
    const { held } = this;
    this.held = null;
    await (await held)?.release();
  }
}
