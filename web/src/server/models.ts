/** The models of the appliance: which there are and fit, and the jobs on them. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { fields, list, number, text } from "./reading";

export interface Model {
  name: string;
  engine: string;
  bytes: number;
  arrived: number;
  state: string;
  licence: string;
  source: string;
  fits: boolean;
  /** Why it does not fit: "language", "speed" or "memory"; "" where it does. */
  obstacle: string;
  memory: number;
  /** "answers" now, or is "chosen" in the settings. */
  use: string;
}

export interface Job {
  id: number;
  kind: string;
  model: string;
  state: string;
  step: string;
  done: number;
  total: number;
  speed: number;
  message: string;
  advice: string;
  faults: readonly string[];
}

export interface Models {
  models: readonly Model[];
  recommended: readonly string[];
  jobs: readonly Job[];
  diskFree: number;
}

const PATH = "/api/models";
/** As often as the page looks while a job is under way. */
const LOOK_AGAIN_MS = 1000;

function readModel(value: unknown): Model {
  const found = fields(value);
  return {
    name: text(found["name"]),
    engine: text(found["engine"]),
    bytes: number(found["bytes"]),
    arrived: number(found["arrived"]),
    state: text(found["state"]),
    licence: text(found["licence"]),
    source: text(found["source"]),
    fits: found["fits"] === true,
    obstacle: text(found["obstacle"]),
    memory: number(found["memory"]),
    use: text(found["use"]),
  };
}

function readJob(value: unknown): Job {
  const found = fields(value);
  return {
    id: number(found["id"]),
    kind: text(found["kind"]),
    model: text(found["model"]),
    state: text(found["state"]),
    step: text(found["step"]),
    done: number(found["done"]),
    total: number(found["total"]),
    speed: number(found["speed"]),
    message: text(found["message"]),
    advice: text(found["advice"]),
    faults: list(found["faults"]).map((one) => text(fields(one)["path"])),
  };
}

export function isUnderWay(job: Job): boolean {
  return job.state === "queued" || job.state === "running";
}

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async (): Promise<Models> => {
    const { models, recommended, jobs, disk_free: free } = fields(await ask("GET", PATH));
    return {
      models: list(models).map(readModel),
      recommended: list(recommended).map(text),
      jobs: list(jobs).map(readJob),
      diskFree: number(free),
    };
  },
  refetchInterval: ({ state: { data } }) => (data?.jobs.some(isUnderWay) ? LOOK_AGAIN_MS : false),
});

export async function pullModel(name: string): Promise<void> {
  await ask("POST", `${PATH}/${encodeURIComponent(name)}`);
}

export async function removeModel(name: string): Promise<void> {
  await ask("DELETE", `${PATH}/${encodeURIComponent(name)}`);
}

export async function verifyModels(): Promise<void> {
  await ask("POST", PATH);
}

export async function cancelJob(id: number): Promise<void> {
  await ask("DELETE", `${PATH}/jobs/${id}`);
}
