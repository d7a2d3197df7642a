/**
 * The answer of `GET /api/selftest`, and the report as text that can be passed on: without secrets
 * and addresses.
 */

import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, text } from "./reading";

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
  /** Names that identify this installation: hosts, addresses, the certificate authority. */
  names: string[];
}

/** One before the last. */
export interface Earlier {
  /** Seconds since the epoch. */
  startedAt: number;
  verdict: Verdict;
  /** The result in one sentence; empty where none was kept. */
  summary: string;
}

export interface Selftest {
  running: boolean;
  /** Progress of the running self-test; empty where none runs. */
  progress: string;
  /** 0..1 of the checks are done. */
  share: number;
  /** Why the latest could not run; empty where it could. */
  trouble: string;
  report: Report | null;
  /** The newest first, without the one of the report. */
  earlier: Earlier[];
}

const VERDICTS: readonly string[] = ["ok", "warning", "failure", "skipped"];

/** Two weeks of nights; the command line shows all that are kept. */
const EARLIER_SHOWN = 14;

/** An unknown verdict counts as bad. */
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
    names: list(report["names"]).map(text).filter(Boolean),
  };
}

function readEarlier(value: unknown): Earlier {
  const line = fields(value);
  const counts = fields(line["counts"]);
  const count = (wanted: Verdict): number => Number(counts[wanted]) || 0;
  return {
    startedAt: Number(line["started_at"]) || 0,
    verdict: verdict(line["verdict"]),
    summary: line["counts"] ? inWords(count("failure"), count("warning"), count("ok")) : "",
  };
}

export function readSelftest(body: unknown): Selftest {
  const answer = fields(body);
  const progress = fields(answer["progress"]);
  const [done, total] = [list(progress["done"]).length, Number(progress["total"]) || 0];
  const running = answer["running"] === true;
  const now = text(progress["now"]);
  return {
    running,
    progress: !running ? "" : total ? `${done + 1} of ${total}: ${now}` : "It begins",
    share: total ? done / total : 0,
    trouble: text(answer["trouble"]),
    report: readReport(answer["report"]),
    earlier: list(answer["history"]).slice(0, -1).slice(-EARLIER_SHOWN).reverse().map(readEarlier),
  };
}

/** The newest result in one sentence. */
export function summary(report: Report): string {
  const count = (wanted: Verdict): number => report.findings.filter((finding) => finding.verdict === wanted).length;
  return inWords(count("failure"), count("warning"), count("ok"));
}

function inWords(failed: number, warned: number, good: number): string {
  if (!failed && !warned) return "All is well.";
  const parts = [failed && `${failed} failed`, warned && `${warned} to look at`].filter(Boolean);
  return `${parts.join(", ")}, ${good} good.`;
}

const SECRET = /\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{23,}/g;
const KEYS = /\b(?:sk|gsk|pk|hf)[-_][\w-]{8,}/g;
const BEARER = /\b(Bearer|Basic)\s+\S+/gi;
const URL_HOST = /\b(https?|wss?):\/\/(?:[^\s/"'`,;)]*@)?([^\s/"'`,;)]+)/gi;
const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.-]*\w)/g;
const IPV6 = /(?<![\w:])(?:(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}|::[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,2}:[0-9a-f]{0,4})(?![\w:])/gi;
const LOCAL_NAME = /\b([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.(?:local|lan|home|internal|localdomain|home\.arpa|fritz\.box)\b/gi;
/** "llama3 at models.example:11434"; "Cannot connect to host nas:11434 ssl:default […]" */
const AT_HOST = /\b(at|host) ((?:[\w-]+\.)+[a-z][\w-]*|(?=[\w-]*[a-z])[\w-]+(?=:\d))(?::\d+)?/gi;
/** "models.example:11434", wherever it stands; no "_ssl.c:1006". */
const WITH_PORT = /(?<![\w.-])((?:[\w-]+\.)+[a-z][\w-]+):\d{2,5}\b/gi;
const HOME = /\/home\/[^/\s]+/g;

/** Names that every machine has and that identify nobody. */
const COMMON: readonly string[] = ["localhost", "localhost.localdomain", "appliance", "voice-appliance"];

/** Hosts recognised by their position in the text, where only a host can stand. */
function hostsIn(words: string): string[] {
  const found = (pattern: RegExp, group: number): string[] =>
    [...words.matchAll(pattern)].map((match) => (match[group] ?? "").replace(/:\d+$/, ""));
  return [...found(LOCAL_NAME, 1), ...found(URL_HOST, 2), ...found(AT_HOST, 2), ...found(WITH_PORT, 1)];
}

/** A host wherever it stands: with what is before and behind it in the same name, and its port. */
function everywhere(name: string): RegExp {
  const plain = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const below = name.includes(".") ? "(?:[\\w-]+\\.)*" : "";
  return new RegExp(`(?<![\\w-]|\\w\\.)${below}${plain}(?:\\.[a-z][\\w-]*)*(?![\\w-])(?::\\d+\\b)?`, "gi");
}

/**
 * Removes what a stranger could use or identify somebody by: keys, tokens, addresses, names.
 * `names` are known to belong to this installation; others are recognised by their position.
 */
export function redact(words: string, ...names: string[]): string {
  const telling = (name: string): boolean => /[a-z]/i.test(name) && !COMMON.includes(name.toLowerCase());
  const known = [...new Set([...hostsIn(words), ...names])].filter(telling);
  // The longest first: a name of which a part is removed would no longer be recognised.
  known.sort((one, other) => other.length - one.length);
  let safe = words.replace(URL_HOST, "$1://[address]");
  for (const name of known) safe = safe.replace(everywhere(name), "[address]");
  return safe
    .replace(BEARER, "$1 [secret]")
    .replace(KEYS, "[secret]")
    .replace(SECRET, "[secret]")
    .replace(IPV6, "[address]")
    .replace(IPV4, "[address]")
    .replace(LOCAL_NAME, "[address]")
    .replace(WITH_PORT, "[address]")
    .replace(AT_HOST, "$1 [address]")
    .replace(HOME, "/home/[user]");
}

/** The report as text for support. `names` are removed in addition to those that it contains. */
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
  return `${redact(lines.join("\n"), ...report.names, ...names)}\n`;
}

/** The last self-test, and how far one under way is. For administrators. */
export async function fetchSelftest(): Promise<Selftest> {
  return readSelftest(await ask("GET", PATHS.selftest));
}

export async function startSelftest(): Promise<Selftest> {
  return readSelftest(await ask("POST", PATHS.selftest));
}
