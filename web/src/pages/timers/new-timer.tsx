import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { ErrorNote } from "../../design/error-note";
import { Field } from "../../design/fields";
import { setTimer } from "../../server/timers";

/** As long as the appliance takes a name. */
export const LONGEST_NAME = 60;

/** What people set most, in minutes. */
const USUAL_MINUTES = [1, 3, 5, 10, 15, 30];

const PARTS = ["hours", "minutes", "seconds"] as const;
type Length = Record<(typeof PARTS)[number], string>;

const NOTHING: Length = { hours: "", minutes: "", seconds: "" };

/** 0 where the fields say nothing. */
export function lengthOf({ hours, minutes, seconds }: Length): number {
  const parts = [hours, minutes, seconds].map((part) => Math.max(0, Math.floor(Number(part)) || 0));
  return (parts[0] ?? 0) * 3600 + (parts[1] ?? 0) * 60 + (parts[2] ?? 0);
}

export function NewTimer({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation("timers");
  return (
    <Dialog open={open} title={t("new.title")} onClose={onClose} id="new-timer">
      <NewTimerForm onClose={onClose} />
    </Dialog>
  );
}

function NewTimerForm({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation("timers");
  const [name, setName] = useState("");
  const [length, setLength] = useState(NOTHING);
  const [error, setError] = useState<unknown>(null);
  const seconds = lengthOf(length);
  const start = (wanted: number): void => void setTimer(wanted, name.trim()).then(onClose, setError);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (seconds > 0) start(seconds);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field label={t("new.name")}>
        {(tied) => <input {...tied} maxLength={LONGEST_NAME} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <div className="row" role="group" aria-label={t("new.usual")}>
        {USUAL_MINUTES.map((minutes) => (
          <Button key={minutes} onClick={() => start(minutes * 60)}>
            {t("new.minutes", { count: minutes })}
          </Button>
        ))}
      </div>
      <div className="lengths">
        {PARTS.map((part) => (
          <Field key={part} label={t(part === "minutes" ? "new.minutesField" : `new.${part}`)}>
            {(tied) => (
              <input
                {...tied}
                type="number"
                inputMode="numeric"
                min={0}
                max={part === "hours" ? 99 : 999}
                value={length[part]}
                onChange={(event) => setLength({ ...length, [part]: event.target.value })}
              />
            )}
          </Field>
        ))}
      </div>
      {error !== null && <ErrorNote error={error} />}
      <div className="row end">
        <Button onClick={onClose}>{t("new.cancel")}</Button>
        <Button kind="primary" type="submit" disabled={seconds === 0}>
          {t("new.start")}
        </Button>
      </div>
    </form>
  );
}
