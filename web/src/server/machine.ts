/** The answer of `GET /api/status`: what is wrong, who answers, and how the machine is. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text, type Fields } from "./reading";

export type Severity = "failure" | "warning" | "note";

export interface Alert {
  code: string;
  severity: Severity;
  /** In English, for codes that this page does not know. */
  message: string;
  advice: string;
  values: Record<string, string | number>;
}

export interface Slot {
  name: string;
  state: string;
  /** Why it does not answer; empty where nothing is wrong. */
  error: string;
  advice: string;
}

/** The engines of one kind, best first. */
export interface Ladder {
  kind: "stt" | "tts";
  name: string;
  state: string;
  why: string;
  slots: Slot[];
}

/** Null stands for unknown. Loads are shares of 1, sizes bytes, temperatures degrees Celsius. */
export interface Gauges {
  load: number | null;
  gpuLoad: number | null;
  memoryTotal: number | null;
  memoryAvailable: number | null;
  gpuMemoryTotal: number | null;
  gpuMemoryUsed: number | null;
  diskTotal: number | null;
  diskFree: number | null;
  power: number | null;
  uptime: number | null;
  powerMode: string;
  /** The hottest sensor. */
  heat: { sensor: string; degrees: number } | null;
}

export interface Status {
  alerts: Alert[];
  ladders: Ladder[];
  model: { name: string; state: string; why: string };
  gauges: Gauges;
  machine: string;
  accelerator: string;
  sessions: number;
  sessionLimit: number;
  tasksRunning: number;
  tasksWaiting: number;
  residentBytes: number;
  /** Seconds since the daemon began. */
  uptime: number;
  version: string;
  update: string;
  versions: [string, string][];
}

const SEVERITIES: readonly Severity[] = ["failure", "warning", "note"];

function readAlert(value: unknown): Alert {
  const alert = fields(value);
  const values = Object.entries(fields(alert["values"])).filter(
    (pair): pair is [string, string | number] => typeof pair[1] === "string" || typeof pair[1] === "number",
  );
  return {
    code: text(alert["code"]),
    severity: SEVERITIES.find((known) => known === alert["severity"]) ?? "warning",
    message: text(alert["message"]),
    advice: text(alert["advice"]),
    values: Object.fromEntries(values),
  };
}

function readSlot(value: unknown): Slot {
  const slot = fields(value);
  return { name: text(slot["name"]), state: text(slot["state"]), error: text(slot["error"]), advice: text(slot["advice"]) };
}

function readLadder(kind: "stt" | "tts", value: unknown): Ladder {
  const ladder = fields(value);
  return {
    kind,
    name: text(ladder["name"]),
    state: text(ladder["state"]),
    why: text(ladder["why"]),
    slots: list(ladder["ladder"]).map(readSlot),
  };
}

const known = (value: unknown): number | null => (typeof value === "number" ? value : null);

function readGauges(gauges: Fields): Gauges {
  const sensors = Object.entries(fields(gauges["temperatures"])).map(([sensor, degrees]) => ({ sensor, degrees: number(degrees) }));
  const [heat = null] = sensors.sort((one, other) => other.degrees - one.degrees);
  return {
    load: known(gauges["load"]),
    gpuLoad: known(gauges["gpu_load"]),
    memoryTotal: known(gauges["memory_total"]),
    memoryAvailable: known(gauges["memory_available"]),
    gpuMemoryTotal: known(gauges["gpu_memory_total"]),
    gpuMemoryUsed: known(gauges["gpu_memory_used"]),
    diskTotal: known(gauges["disk_total"]),
    diskFree: known(gauges["disk_free"]),
    power: known(gauges["power"]),
    uptime: known(gauges["uptime"]),
    powerMode: text(gauges["power_mode"]),
    heat,
  };
}

function readStatus(body: unknown): Status {
  const status = fields(body);
  const engines = fields(status["engines"]);
  const model = fields(status["language_model"]);
  const hardware = fields(fields(status["plan"])["hardware"]);
  const tasks = fields(status["tasks"]);
  const kinds = (["stt", "tts"] as const).filter((kind) => engines[kind]);
  return {
    alerts: list(status["alerts"]).map(readAlert),
    ladders: kinds.map((kind) => readLadder(kind, engines[kind])),
    model: { name: text(model["model"]) || text(model["name"]), state: text(model["state"]), why: text(model["why"]) },
    gauges: readGauges(fields(status["gauges"])),
    machine: text(hardware["model"]),
    accelerator: text(fields(status["plan"])["accelerator"]),
    sessions: number(status["sessions"]),
    sessionLimit: number(status["session_limit"]),
    tasksRunning: number(tasks["running"]),
    tasksWaiting: number(tasks["accepted"]),
    residentBytes: number(status["resident_bytes"]),
    uptime: number(status["uptime_seconds"]),
    version: text(status["version"]),
    update: text(fields(status["release"])["update"]),
    versions: Object.entries(fields(status["versions"])).map(([name, version]): [string, string] => [name, text(version)]),
  };
}

/** Gauges are read anew at this pace while the page is open. */
const LOOK_AGAIN_MS = 5000;

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: async () => readStatus(await ask("GET", PATHS.status)),
  refetchInterval: LOOK_AGAIN_MS,
});
