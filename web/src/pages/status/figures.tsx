/** Latency, words and trouble by day, as drawings and as a table; the raw figures to download. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { Empty } from "../../design/empty";
import { Select } from "../../design/fields";
import { Icon } from "../../design/icon";
import { Loaded } from "../../design/loaded";
import { Table } from "../../design/table";
import { analyticsQuery, rawFigures, type Day } from "../../server/analytics";
import { Chart, type Line } from "./chart";

const SPANS = ["7", "30", "90"] as const;
type Span = (typeof SPANS)[number];

export function Figures(): ReactNode {
  const { t } = useTranslation("status");
  const [days, setDays] = useState<Span>("30");
  const query = useQuery(analyticsQuery(Number(days)));
  const download = (
    <a id="figures-csv" className="button plain" href={rawFigures(Number(days))} download>
      <Icon name="download" />
      {t("figures.csv")}
    </a>
  );
  return (
    <Card title={t("figures.title")} actions={download} className="figures">
      <Select label={t("figures.days")} value={days} options={SPANS.map((value) => ({ value, label: t("figures.last", { count: Number(value) }) }))} onChange={setDays} />
      <Loaded query={query}>{(known) => (known.some(({ turns, sessions }) => turns + sessions > 0) ? <Charts days={known} /> : <Empty title={t("figures.none")} />)}</Loaded>
    </Card>
  );
}

function Charts({ days }: { days: readonly Day[] }): ReactNode {
  const { t } = useTranslation("status");
  const { latency, talk, trouble } = useLines(days);
  const dates = useMemo(() => days.map(({ day }) => Date.parse(`${day}T00:00`) / 1000), [days]);
  return (
    <>
      <div className="charts">
        <Chart title={t("figures.latency")} unit="s" dates={dates} lines={latency} />
        <Chart title={t("figures.talk")} dates={dates} lines={talk} />
        <Chart title={t("figures.trouble")} dates={dates} lines={trouble} bars />
      </div>
      <details>
        <summary>{t("figures.asTable")}</summary>
        <Numbers days={days} />
      </details>
    </>
  );
}

const seconds = (milliseconds: number | undefined): number | null => (milliseconds === undefined ? null : milliseconds / 1000);

function useLines(days: readonly Day[]): Record<"latency" | "talk" | "trouble", Line[]> {
  const { t } = useTranslation("status");
  return useMemo(() => {
    const counts = (name: string, pick: (day: Day) => number, colour: Line["colour"]): Line => ({ name, values: days.map(pick), colour });
    const spans = (name: string, pick: (day: Day) => number | undefined, colour: Line["colour"]): Line => ({
      name,
      values: days.map((day) => seconds(pick(day))),
      colour,
    });
    return {
      latency: [
        spans(t("figures.p50"), ({ latency }) => latency.first_audio?.p50, "assistant"),
        spans(t("figures.p95"), ({ latency }) => latency.first_audio?.p95, "you"),
        spans(t("figures.words"), ({ latency }) => latency.transcription?.p50, "soft"),
      ],
      talk: [
        counts(t("figures.heard"), ({ wordsHeard }) => wordsHeard, "you"),
        counts(t("figures.said"), ({ wordsSaid }) => wordsSaid, "assistant"),
      ],
      trouble: [
        counts(t("figures.turns"), ({ turns }) => turns, "soft"),
        counts(t("figures.interruptions"), ({ interruptions }) => interruptions, "you"),
        counts(t("figures.failures"), ({ failures }) => failures, "alarm"),
      ],
    };
  }, [days, t]);
}

function Numbers({ days }: { days: readonly Day[] }): ReactNode {
  const { t, i18n } = useTranslation("status");
  const one = (milliseconds: number | undefined): string =>
    milliseconds === undefined ? "–" : new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 }).format(milliseconds / 1000);
  const count = (title: string, pick: (day: Day) => number) => ({ title, numeric: true, cell: (day: Day) => pick(day) });
  const columns = [
    { title: t("figures.day"), cell: ({ day }: Day) => new Date(`${day}T00:00`).toLocaleDateString(i18n.language) },
    count(t("figures.sessions"), ({ sessions }) => sessions),
    count(t("figures.turns"), ({ turns }) => turns),
    count(t("figures.heard"), ({ wordsHeard }) => wordsHeard),
    count(t("figures.said"), ({ wordsSaid }) => wordsSaid),
    count(t("figures.interruptions"), ({ interruptions }) => interruptions),
    count(t("figures.failures"), ({ failures }) => failures),
    { title: t("figures.p50s"), numeric: true, cell: ({ latency }: Day) => one(latency.first_audio?.p50) },
    { title: t("figures.p95s"), numeric: true, cell: ({ latency }: Day) => one(latency.first_audio?.p95) },
  ];
  const busy = [...days].reverse().filter(({ turns, sessions }) => turns + sessions > 0);
  return <Table label={t("figures.title")} columns={columns} rows={busy} keyOf={({ day }) => day} />;
}
