/**
 * The self-test as the page knows it: what `GET /api/selftest` answers, and the report as text to
 * hand on, without secrets and addresses. Pure.
 */

export type Verdict = "ok" | "warning" | "failure" | "skipped";

export interface Finding {
  check: string;
  title: string;
  verdict: Verdict;
  message: string;
  /** What to do; empty where there is nothing to do. */
  advice: string;
  seconds: number;
}

export interface Report {
  version: string;
  /** Seconds since the epoch. */
  startedAt: number;
  verdict: Verdict;
  machine: string;
  findings: Finding[];
}

export interface Selftest {
  running: boolean;
  /** Words on how far the one under way is; empty where none is. */
  progress: string;
  /** 0..1 of the checks are done. */
  share: number;
  /** Why the latest could not run; empty where it could. */
  trouble: string;
  report: Report | null;
}

type Fields = Record<string, unknown>;

const VERDICTS: readonly string[] = ["ok", "warning", "failure", "skipped"];

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A word that this page does not know is bad news, not good. */
function verdict(value: unknown): Verdict {
  return VERDICTS.includes(text(value)) ? (value as Verdict) : "failure";
}

function readFinding(value: unknown): Finding {
  const finding = fields(value);
  return {
    check: text(finding["check"]),
    title: text(finding["title"]) || text(finding["check"]),
    verdict: verdict(finding["verdict"]),
    message: text(finding["message"]),
    advice: text(finding["advice"]),
    seconds: Number(finding["seconds"]) || 0,
  };
}

function readReport(value: unknown): Report | null {
  const report = fields(value);
  const findings = list(report["findings"]).map(readFinding);
  if (!findings.length) return null;
  const machine = fields(report["machine"]);
  const l4t = text(machine["l4t"]);
  const parts = [text(machine["model"]), text(machine["architecture"]), l4t && `L4T ${l4t}`, text(machine["gpu"])];
  return {
    version: text(report["version"]),
    startedAt: Number(report["started_at"]) || 0,
    verdict: verdict(report["verdict"]),
    machine: parts.filter(Boolean).join(", "),
    findings,
  };
}

export function readSelftest(body: unknown): Selftest {
  const told = fields(body);
  const progress = fields(told["progress"]);
  const [done, total] = [list(progress["done"]).length, Number(progress["total"]) || 0];
  const running = told["running"] === true;
  const now = text(progress["now"]);
  return {
    running,
    progress: !running ? "" : total ? `${done + 1} of ${total}: ${now}` : "It begins",
    share: total ? done / total : 0,
    trouble: text(told["trouble"]),
    report: readReport(told["report"]),
  };
}

/** The newest word on how it is, in one sentence. */
export function summary(report: Report): string {
  const count = (wanted: Verdict): number => report.findings.filter((finding) => finding.verdict === wanted).length;
  const [failed, warned] = [count("failure"), count("warning")];
  if (!failed && !warned) return "All is well.";
  const parts = [failed && `${failed} failed`, warned && `${warned} to look at`].filter(Boolean);
  return `${parts.join(", ")}, ${count("ok")} good.`;
}

const SECRET = /\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{23,}/g;
const KEYS = /\b(?:sk|gsk|pk|hf)[-_][\w-]{8,}/g;
const BEARER = /\b(Bearer|Basic)\s+\S+/gi;
const URL_HOST = /\b(https?|wss?):\/\/[^\s/"'`,;)]+/gi;
const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.-]*\w)/g;
const IPV6 = /(?<![\w:])(?:(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}|::[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,2}:[0-9a-f]{0,4})(?![\w:])/gi;
const LOCAL_NAME = /\b([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.(?:local|lan|home\.arpa)\b/gi;
/** "llama3 at models.example:11434" */
const AT_HOST = /\bat (?:(?:[\w-]+\.)+[a-z][\w-]*(?::\d+)?|[\w-]+:\d+)/gi;
const HOME = /\/home\/[^/\s]+/g;

/** Takes out what a stranger could use or find somebody by: keys, tokens, addresses, names. */
export function redact(words: string, ...names: string[]): string {
  const hosts = [...words.matchAll(LOCAL_NAME)].map((found) => found[1] ?? "");
  const known = [...hosts, ...names].filter((name) => name && name.toLowerCase() !== "localhost");
  let safe = words
    .replace(URL_HOST, "$1://[address]")
    .replace(BEARER, "$1 [secret]")
    .replace(KEYS, "[secret]")
    .replace(SECRET, "[secret]")
    .replace(IPV6, "[address]")
    .replace(IPV4, "[address]")
    .replace(LOCAL_NAME, "[address]")
    .replace(AT_HOST, "at [address]")
    .replace(HOME, "/home/[user]");
  for (const name of known) {
    const plain = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    safe = safe.replace(new RegExp(`(?<![\\w.-])${plain}(?![\\w-])`, "gi"), "[address]");
  }
  return safe;
}

/** The report as text for somebody who helps. `names` are those of this machine, to be left out. */
export function reportText(report: Report, ...names: string[]): string {
  const lines = [
    `Voice Appliance ${report.version}, self-test of ${new Date(report.startedAt * 1000).toISOString()}`,
    report.machine,
    summary(report),
    "",
    ...report.findings.flatMap(({ verdict: mark, title, message, advice }) => [
      `[${mark}] ${title}: ${message}`,
      ...(advice ? [`    -> ${advice}`] : []),
    ]),
  ];
  return `${redact(lines.join("\n"), ...names)}\n`;
}
