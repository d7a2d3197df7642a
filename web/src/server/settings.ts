/** The settings of the appliance: read, changed together, and the connection to a language model tried. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { Trouble } from "./failures";
import { fields, list, number, text } from "./reading";

export type Value = string | number | boolean | readonly string[];

/** `source` is the layer that the value comes from; a `locked` one is set in the environment. */
export interface Setting {
  key: string;
  value: Value;
  fallback: Value;
  source: string;
  locked: boolean;
  restart: boolean;
  pending: boolean;
  minimum: number | null;
  maximum: number | null;
  choices: readonly string[];
}

export interface SecretKey {
  name: string;
  set: boolean;
  locked: boolean;
}

export interface Settings {
  revision: string;
  byKey: ReadonlyMap<string, Setting>;
  keys: readonly SecretKey[];
  restartNeeded: readonly string[];
}

/** What is wrong with one changed setting. */
export interface Fault {
  key: string;
  expected: string;
  suggestion: string;
}

const PATH = "/api/settings";

function readValue(value: unknown): Value {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return list(value).map(text);
}

function readSetting(value: unknown): Setting {
  const found = fields(value);
  const bound = (name: string): number | null => (typeof found[name] === "number" ? found[name] : null);
  return {
    key: text(found["key"]),
    value: readValue(found["value"]),
    fallback: readValue(found["default"]),
    source: text(found["source"]),
    locked: found["locked"] === true,
    restart: found["restart"] === true,
    pending: found["pending"] === true,
    minimum: bound("minimum"),
    maximum: bound("maximum"),
    choices: list(found["choices"]).map(text),
  };
}

export function readSettings(body: unknown): Settings {
  const { revision, settings, keys, restart_needed: waiting } = fields(body);
  return {
    revision: text(revision),
    byKey: new Map(list(settings).map((one) => [text(fields(one)["key"]), readSetting(one)])),
    keys: list(keys).map((one) => {
      const { name, set, locked } = fields(one);
      return { name: text(name), set: set === true, locked: locked === true };
    }),
    restartNeeded: list(waiting).map(text),
  };
}

export const settingsQuery = queryOptions({
  queryKey: ["settings"],
  queryFn: async () => readSettings(await ask("GET", PATH)),
});

export interface Change {
  revision: string;
  /** null takes the page's value away. */
  settings: Readonly<Record<string, Value | null>>;
  keys: Readonly<Record<string, string>>;
}

/** Throws `Trouble`; where values are wrong, `faultsOf` has them. */
export async function changeSettings(change: Change): Promise<Settings> {
  return readSettings(await ask("PATCH", PATH, change));
}

export function faultsOf(error: unknown): readonly Fault[] {
  const cause = error instanceof Trouble ? error.cause : null;
  return cause?.from === "http" ? (cause.error?.faults ?? []) : [];
}

/** Whether somebody else has changed the settings meanwhile. */
export function isOutdated(error: unknown): boolean {
  const cause = error instanceof Trouble ? error.cause : null;
  return cause?.from === "http" && cause.error?.code === "settings_changed";
}

export async function restartAppliance(): Promise<void> {
  await ask("POST", "/api/restart");
}

export interface Connection {
  ok: boolean;
  outcome: string;
  status: number;
  where: string;
  seconds: number;
  message: string;
  advice: string;
}

/** Asks the model for one token, with settings that need not be saved. */
export async function tryConnection(settings: Readonly<Record<string, string>>): Promise<Connection> {
  const found = fields(await ask("POST", `${PATH}/llm/test`, settings, undefined, 60_000));
  return {
    ok: found["ok"] === true,
    outcome: text(found["outcome"]),
    status: number(found["status"]),
    where: text(found["where"]),
    seconds: number(found["seconds"]),
    message: text(found["message"]),
    advice: text(found["advice"]),
  };
}
