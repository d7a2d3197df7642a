/** The list of timers with their countdown, and the ring that is seen and announced. */

import { countdown, timerName, type Timer } from "../timers";
import { make, setText } from "./elements";

export class TimersView {
  private timers: readonly Timer[] = [];

  constructor(
    private readonly section: HTMLElement,
    private readonly list: HTMLElement,
    private readonly dismiss: (id: string) => void,
  ) {
    setInterval(() => this.tick(), 250);
  }

  render(timers: readonly Timer[]): void {
    if (timers === this.timers) return;
    this.timers = timers;
    this.section.hidden = timers.length === 0;
    this.list.replaceChildren(...timers.map((timer) => this.item(timer)));
    this.tick();
  }

  private item(timer: Timer): HTMLElement {
    const item = make("li", timer.rang ? "timer rang" : "timer");
    item.append(make("span", "name", timerName(timer)), make("span", "left"));
    if (!timer.rang) return item;
    // An alert is spoken when it is put in; the countdown beside it never is.
    item.setAttribute("role", "alert");
    const button = make("button", "quiet", "Dismiss");
    button.type = "button";
    button.setAttribute("aria-label", `Dismiss ${timerName(timer)}`);
    button.addEventListener("click", () => this.dismiss(timer.id));
    item.append(button);
    return item;
  }

  private tick(): void {
    this.timers.forEach((timer, i) => {
      const left = this.list.children[i]?.querySelector<HTMLElement>(".left");
      if (left) setText(left, timer.rang ? "Time is up" : countdown(timer.due, Date.now() / 1000));
    });
  }
}
