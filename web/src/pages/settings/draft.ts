/** What somebody has changed and not saved yet. Pure. */

import type { Fault, Setting, Settings, Value } from "../../server/settings";

/** Values by key; null takes the page's own value away. Keys of language models by their name. */
export interface Draft {
  settings: Readonly<Record<string, Value | null>>;
  keys: Readonly<Record<string, string>>;
}

export const EMPTY: Draft = { settings: {}, keys: {} };

export function changesOf(draft: Draft): number {
  return Object.keys(draft.settings).length + Object.keys(draft.keys).length;
}

function same(one: Value, other: Value): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A value that is the saved one again is no change. */
export function withValue(draft: Draft, setting: Setting, value: Value): Draft {
  const { [setting.key]: _, ...others } = draft.settings;
  return { ...draft, settings: same(value, setting.value) ? others : { ...others, [setting.key]: value } };
}

/** Back to what the files say. */
export function withoutPageValue(draft: Draft, setting: Setting): Draft {
  const { [setting.key]: _, ...others } = draft.settings;
  return { ...draft, settings: setting.source === "page" ? { ...others, [setting.key]: null } : others };
}

export function withKey(draft: Draft, name: string, key: string | null): Draft {
  const { [name]: _, ...others } = draft.keys;
  return { ...draft, keys: key === null ? others : { ...others, [name]: key } };
}

/** The value that is shown. */
export function valueIn(draft: Draft, setting: Setting): Value {
  const changed = draft.settings[setting.key];
  if (changed === null) return setting.fallback;
  return changed ?? setting.value;
}

/** What of a draft is still a change of settings that somebody else has changed meanwhile. */
export function rebased(draft: Draft, settings: Settings): Draft {
  const kept = Object.entries(draft.settings).filter(([key, value]) => {
    const setting = settings.byKey.get(key);
    return setting !== undefined && !setting.locked && (value === null || !same(value, setting.value));
  });
  return { ...draft, settings: Object.fromEntries(kept) };
}

export function faultAt(faults: readonly Fault[], key: string): Fault | undefined {
  return faults.find((fault) => fault.key === key || fault.key.startsWith(`${key}.`));
}
