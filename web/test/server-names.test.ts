/** Names that the appliance and the page both have are the same. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import english from "../src/i18n/locales/en/status.json";
import { KNOWN } from "../src/pages/status/alerts";
import { ACTIONS } from "../src/server/audit";

const source = (file: string): string => readFileSync(fileURLToPath(new URL(`../../appliance/${file}`, import.meta.url)), "utf8");

describe("the page knows", () => {
  it("every alert, except those of a plan, which are sentences", () => {
    const codes = [...source("app/alerts.py").matchAll(/"((?:store|memory|disk|access)_\w+|hot|retention|warm|throttled)"/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(7);
    const troubles = [...source("app/history_watch.py").matchAll(/"(\w+)": NoticeMessage/g)].map(([, trouble]) => `history_${trouble}`);
    expect(troubles.length).toBeGreaterThan(2);
    for (const code of [...codes, ...troubles]) {
      expect(KNOWN).toContain(code);
      expect(Object.keys(english.alerts)).toContain(code);
    }
  });

  it("every action of the audit trail", () => {
    const actions = [...source("access/audit.py").matchAll(/^ {4}[A-Z_]+ = "([^"]+)"/gm)].map(([, action]) => action);
    expect([...ACTIONS].sort()).toEqual(actions.sort());
  });
});
