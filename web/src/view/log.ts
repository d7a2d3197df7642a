/** The log of the conversation: one element an entry, changed in place while words arrive. */

import { heardText, type Entry, type Transcript } from "../transcript";
import { make, setText } from "./elements";

const NAMES: Record<Entry["who"], string> = { you: "You", assistant: "Assistant", notice: "Notice" };

interface Row {
  element: HTMLElement;
  main: HTMLElement;
  extra: HTMLElement;
  shown: Entry;
}

export class LogView {
  private readonly rows = new Map<number, Row>();
  /** Whether the newest words are kept in view. Who has scrolled back to read is left alone. */
  private follows = true;

  constructor(
    private readonly log: HTMLElement,
    private readonly empty: HTMLElement,
    private readonly announce: (words: string) => void,
  ) {
    log.addEventListener("scroll", () => {
      this.follows = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    });
    // A phone that is turned, a keyboard that comes up.
    new ResizeObserver(() => this.follow()).observe(log);
  }

  private follow(): void {
    if (this.follows) this.log.scrollTop = this.log.scrollHeight;
  }

  render(transcript: Transcript): void {
    const present = new Set(transcript.entries.map((entry) => entry.id));
    for (const [id, row] of this.rows) {
      if (!present.has(id)) {
        row.element.remove();
        this.rows.delete(id);
      }
    }
    for (const entry of transcript.entries) this.show(entry);
    this.empty.hidden = transcript.entries.length > 0;
    this.follow();
  }

  private show(entry: Entry): void {
    const row = this.rows.get(entry.id) ?? this.add(entry);
    if (row.shown === entry && row.main.textContent) return;
    setText(row.main, heardText(entry));
    setText(row.extra, entry.state === "interrupted" ? "interrupted" : entry.extra);
    row.element.dataset["state"] = entry.state;
    row.element.classList.toggle("interim", entry.who === "you" && entry.extra !== "");
    this.speakUp(row.shown, entry);
    row.shown = entry;
  }

  private add(entry: Entry): Row {
    const element = make("article", `entry ${entry.who}`);
    const who = make("h3", "who", NAMES[entry.who]);
    const main = make("span", "main");
    const extra = make("span", "extra");
    const words = make("p", "words");
    words.append(main, " ", extra);
    element.append(who, words);
    this.log.append(element);
    const row = { element, main, extra, shown: { ...entry, text: "", state: "open" as const } };
    this.rows.set(entry.id, row);
    return row;
  }

  /** Screen readers get whole sentences, once: words that still change would be a stutter. */
  private speakUp(before: Entry, now: Entry): void {
    const name = NAMES[now.who];
    if (now.who === "assistant") {
      if (before.state === "open" && now.state !== "open") this.announce(`${name}: ${heardText(now)}`);
    } else if (now.text !== before.text) {
      const words = now.who === "notice" ? `${now.text} ${now.extra}` : now.text.slice(before.text.length);
      this.announce(`${name}: ${words.trim()}`);
    }
  }
}
