/** The form of the settings: its draft, its faults, and the bar that saves. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { useToaster } from "../../design/toast";
import { changeSettings, faultsOf, isOutdated, settingsQuery, type Fault, type Setting, type Settings, type Value } from "../../server/settings";
import { changesOf, EMPTY, faultAt, rebased, valueIn, withKey, withoutPageValue, withValue, type Draft } from "./draft";

interface Form {
  settings: Settings;
  draft: Draft;
  setting: (key: string) => Setting | undefined;
  value: (key: string) => Value;
  change: (key: string, value: Value) => void;
  /** Takes the page's own value away. */
  reset: (key: string) => void;
  changeKey: (name: string, key: string | null) => void;
  fault: (key: string) => Fault | undefined;
}

const FormContext = createContext<Form | null>(null);

export function useForm(): Form {
  const form = useContext(FormContext);
  if (!form) throw new Error("there is no SettingsForm around this component");
  return form;
}

export function SettingsForm({ settings, children }: { settings: Settings; children: ReactNode }): ReactNode {
  const [draft, setDraft] = useState(EMPTY);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const form = useMemo((): Form => {
    const setting = (key: string): Setting | undefined => settings.byKey.get(key);
    const edit = (key: string, change: (setting: Setting) => Draft): void => {
      const found = setting(key);
      if (found) setDraft(change(found));
      setFaults((all) => all.filter((fault) => fault !== faultAt(all, key)));
    };
    return {
      settings,
      draft,
      setting,
      value: (key) => {
        const found = setting(key);
        return found ? valueIn(draft, found) : "";
      },
      change: (key, value) => edit(key, (found) => withValue(draft, found, value)),
      reset: (key) => edit(key, (found) => withoutPageValue(draft, found)),
      changeKey: (name, key) => setDraft(withKey(draft, name, key)),
      fault: (key) => faultAt(faults, key),
    };
  }, [settings, draft, faults]);
  return (
    <FormContext value={form}>
      {children}
      <SaveBar draft={draft} revision={settings.revision} onDraft={setDraft} onFaults={setFaults} />
    </FormContext>
  );
}

/** The first field with a complaint may be far above the bar. */
function showFirstFault(): void {
  const complaints = [...document.querySelectorAll(".complaint")].filter(({ textContent }) => textContent !== "");
  complaints[0]?.closest(".field")?.scrollIntoView({ block: "center" });
}

interface SaveBarProps {
  draft: Draft;
  revision: string;
  onDraft: (draft: Draft) => void;
  onFaults: (faults: readonly Fault[]) => void;
}

function SaveBar({ draft, revision, onDraft, onFaults }: SaveBarProps): ReactNode {
  const { t } = useTranslation("settings");
  const toaster = useToaster();
  const queries = useQueryClient();
  const saving = useMutation({
    mutationFn: () => changeSettings({ revision, ...draft }),
    onSuccess: async (saved) => {
      queries.setQueryData(settingsQuery.queryKey, saved);
      onDraft(EMPTY);
      onFaults([]);
      toaster.show({ words: t("saved") });
      await Promise.all([queries.invalidateQueries({ queryKey: ["tools"] }), queries.invalidateQueries({ queryKey: ["voices"] })]);
    },
    onError: async (error) => {
      const faults = faultsOf(error);
      onFaults(faults);
      if (faults.length > 0) requestAnimationFrame(showFirstFault);
      if (!isOutdated(error)) {
        if (faults.length === 0) toaster.fail(error);
        return;
      }
      const now = await queries.fetchQuery({ ...settingsQuery, staleTime: 0 });
      onDraft(rebased(draft, now));
      toaster.show({ words: t("outdated"), bad: true });
    },
  });
  const count = changesOf(draft);
  if (count === 0) return null;
  const discard = (): void => {
    onDraft(EMPTY);
    onFaults([]);
  };
  return (
    <div className="save-bar card" role="region" aria-label={t("changes.title")}>
      <p aria-live="polite">{t("changes.count", { count })}</p>
      <div className="row end">
        <Button onClick={discard} disabled={saving.isPending}>
          {t("changes.discard")}
        </Button>
        <Button kind="primary" icon="check" onClick={() => saving.mutate()} disabled={saving.isPending}>
          {t("changes.save")}
        </Button>
      </div>
    </div>
  );
}
