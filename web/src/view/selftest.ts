/** View of the self-test: last and earlier results, a new run, and the report to copy. */

import "../selftest.css";
import { fetchSelftest, startSelftest } from "../api";
import { explain, Trouble } from "../failures";
import { reportText, summary, type Earlier, type Finding, type Selftest, type Verdict } from "../selftest";
import { byId, make, setText } from "./elements";

/** Poll interval while one runs and the panel is open; a check takes about that long. */
const LOOK_AGAIN_MS = 1000;

const MARKS: Record<Verdict, string> = { ok: "good", warning: "warning", failure: "failed", skipped: "skipped" };

export class SelftestPanel {
  private readonly dialog = byId("selftest", HTMLDialogElement);
  private readonly opener = byId("selftest-open", HTMLButtonElement);
  private readonly state = byId("selftest-state", HTMLElement);
  private readonly meter = byId("selftest-progress", HTMLProgressElement);
  private readonly rows = byId("selftest-rows", HTMLElement);
  private readonly history = byId("selftest-history", HTMLDetailsElement);
  private readonly before = byId("selftest-earlier", HTMLElement);
  private readonly begin = byId("selftest-start", HTMLButtonElement);
  private readonly copy = byId("selftest-copy", HTMLButtonElement);
  private readonly plain = byId("selftest-text", HTMLTextAreaElement);
  private shown: Selftest | null = null;
  private timer = 0;

  constructor() {
    this.opener.addEventListener("click", () => this.open());
    byId("selftest-close", HTMLButtonElement).addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => clearTimeout(this.timer));
    this.begin.addEventListener("click", () => void this.look(startSelftest));
    this.copy.addEventListener("click", () => void this.handOn());
  }

  /** Shown only to clients that may start one. */
  offer(allowed: boolean): void {
    this.opener.hidden = !allowed;
  }

  private open(): void {
    this.plain.hidden = true;
    this.dialog.showModal();
    void this.look(fetchSelftest);
  }

  private async look(ask: () => Promise<Selftest>): Promise<void> {
    clearTimeout(this.timer);
    this.begin.disabled = true;
    try {
      this.shown = await ask();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const { title, advice } = explain(error.cause);
      setText(this.state, `${title.replace(/\.$/, "")}. ${advice}`);
      this.begin.disabled = false;
      return;
    }
    this.render(this.shown);
    if (this.shown.running && this.dialog.open) {
      this.timer = window.setTimeout(() => void this.look(fetchSelftest), LOOK_AGAIN_MS);
    }
  }

  private render(selftest: Selftest): void {
    const { report, running } = selftest;
    this.begin.disabled = running;
    this.copy.disabled = report === null;
    this.meter.hidden = !running;
    this.meter.value = selftest.share;
    setText(this.state, running ? `Testing, ${selftest.progress}` : lastly(selftest));
    this.rows.replaceChildren(...(report?.findings ?? []).map(row));
    this.history.hidden = selftest.earlier.length === 0;
    this.before.replaceChildren(...selftest.earlier.map(line));
  }

  /** To the clipboard; where a browser gives none, into a field to copy from. */
  private async handOn(): Promise<void> {
    if (!this.shown?.report) return;
    const words = reportText(this.shown.report, location.hostname);
    try {
      await navigator.clipboard.writeText(words);
      setText(this.state, "The report is in the clipboard, without secrets and addresses.");
    } catch {
      this.plain.value = words;
      this.plain.hidden = false;
      this.plain.select();
    }
  }
}

function lastly({ report, trouble }: Selftest): string {
  if (!report) return trouble || "It has not been tested yet.";
  const when = moment(report.startedAt);
  return trouble ? `${trouble} What stands here is of ${when}.` : `${when}: ${summary(report)}`;
}

function line(earlier: Earlier): HTMLElement {
  const element = make("li", "", `${moment(earlier.startedAt)}: ${earlier.summary || MARKS[earlier.verdict]}`);
  element.dataset["verdict"] = earlier.verdict;
  return element;
}

function row(finding: Finding): HTMLElement {
  const element = make("tr", "");
  element.dataset["verdict"] = finding.verdict;
  const what = make("td", "what", finding.message);
  if (finding.advice) what.append(advice(finding.advice));
  const title = make("th", "title", finding.title);
  title.scope = "row";
  element.append(make("td", "result", MARKS[finding.verdict]), title, what);
  return element;
}

/** Commands stand in backticks; here they look like something to copy. */
function advice(words: string): HTMLElement {
  const element = make("p", "advice");
  words.split("`").forEach((part, place) => element.append(place % 2 ? make("code", "", part) : part));
  return element;
}

function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
