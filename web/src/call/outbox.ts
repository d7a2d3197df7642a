/**
 * Typed texts until they are known to have arrived. What a broken connection left in doubt is sent
 * again in the next session under the same id, by which the appliance takes it once. Pure.
 */

export interface Outgoing {
  id: string;
  text: string;
}

export class Outbox {
  private waiting: Outgoing[] = [];

  add(text: string): Outgoing {
    const message = { id: crypto.randomUUID(), text };
    this.waiting = [...this.waiting, message];
    return message;
  }

  /** Everything in doubt, in the order in which it was typed. */
  get pending(): readonly Outgoing[] {
    return this.waiting;
  }

  delivered(id: string): void {
    this.waiting = this.waiting.filter((message) => message.id !== id);
  }

  clear(): void {
    this.waiting = [];
  }
}
