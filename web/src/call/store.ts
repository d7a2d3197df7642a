/** One value that React and others follow: the outside half of `useSyncExternalStore`. */

export type Notify = (tell: () => void) => void;

/** At most once a frame: words arrive faster than a screen shows them. */
export const byFrame = (): Notify => {
  let planned = false;
  return (tell) => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      tell();
    });
  };
};

export class Store<T> {
  private readonly followers = new Set<() => void>();

  /** `notify` decides when the followers hear of a change; the value itself changes at once. */
  constructor(
    private value: T,
    private readonly notify: Notify = (tell) => tell(),
  ) {}

  readonly get = (): T => this.value;

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    this.notify(() => this.followers.forEach((follow) => follow()));
  }

  update(part: Partial<T>): void {
    this.set({ ...this.value, ...part });
  }

  readonly subscribe = (follow: () => void): (() => void) => {
    this.followers.add(follow);
    return () => void this.followers.delete(follow);
  };
}
