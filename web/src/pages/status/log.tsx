/** The log of the last hour, newest first. It is fetched when it is opened. */

import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { Empty } from "../../design/empty";
import { Field, Select, Switch } from "../../design/fields";
import { Loaded } from "../../design/loaded";
import { clock } from "../../i18n/time";
import { LEVELS, logQuery, type Level, type LogEntry } from "../../server/logs";

export function LogView(): ReactNode {
  const { t } = useTranslation("status");
  const [open, setOpen] = useState(false);
  return (
    <Card className="log-view">
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <h2>{t("log.title")}</h2>
        </summary>
        {open && <Lines />}
      </details>
    </Card>
  );
}

function Lines(): ReactNode {
  const { t } = useTranslation("status");
  const [level, setLevel] = useState<Level>("info");
  const [follow, setFollow] = useState(true);
  const [wanted, setWanted] = useState("");
  const query = useQuery(logQuery(level, follow));
  return (
    <>
      <div className="filter">
        <Select label={t("log.level")} value={level} options={LEVELS.map((value) => ({ value, label: t(`log.levels.${value}`) }))} onChange={setLevel} />
        <Field label={t("log.contains")}>
          {(tied) => <input {...tied} type="search" value={wanted} onChange={(event) => setWanted(event.target.value)} />}
        </Field>
        <Switch label={t("log.follow")} checked={follow} onChange={setFollow} />
      </div>
      <Loaded query={query}>{(entries) => <Entries entries={entries.filter((entry) => contains(entry, wanted))} />}</Loaded>
    </>
  );
}

function contains({ message, logger }: LogEntry, wanted: string): boolean {
  return `${logger} ${message}`.toLowerCase().includes(wanted.trim().toLowerCase());
}

function Entries({ entries }: { entries: readonly LogEntry[] }): ReactNode {
  const { t, i18n } = useTranslation("status");
  if (entries.length === 0) return <Empty title={t("log.none")} />;
  return (
    <ol className="lines" role="list" tabIndex={0} aria-label={t("log.title")}>
      {entries.map(({ id, at, level, logger, message }) => (
        <li key={id} data-level={level}>
          <time dateTime={new Date(at * 1000).toISOString()}>{clock(at, i18n.language)}</time> <span className="level">{level}</span>{" "}
          <span className="logger">{logger}</span> <span className="message">{message}</span>
        </li>
      ))}
    </ol>
  );
}
