/** The machine's gauges; what it does not tell is left out. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { percent, size, span } from "../../i18n/time";
import type { Gauges, Status } from "../../server/machine";

/** From here on a gauge is drawn in the colour of a warning. */
const HIGH = 0.9;
const HOT_DEGREES = 85;
/** A full bar: where boards stop for their own protection. */
const HOTTEST_DEGREES = 105;

interface Reading {
  name: string;
  words: string;
  /** 0..1 of the bar; null: there is no bar. */
  share: number | null;
  high: boolean;
}

export function Machine({ status }: { status: Status }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <Card title={t("machine.title")} className="machine">
      <p>{[status.machine, status.accelerator].filter(Boolean).join(" · ")}</p>
      <dl>
        {useReadings(status).map(({ name, words, share, high }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{words}</dd>
            {share !== null && <Bar share={share} high={high} />}
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** A drawing of the words beside it. */
function Bar({ share, high }: { share: number; high: boolean }): ReactNode {
  return (
    <svg className="bar" data-high={high} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect className="all" width="100" height="4" />
      <rect className="part" width={Math.max(0, Math.min(100, share * 100))} height="4" />
    </svg>
  );
}

function useReadings(status: Status): Reading[] {
  const { t, i18n } = useTranslation("status");
  const { language } = i18n;
  const { gauges } = status;
  const plain = (name: string, words: string): Reading => ({ name, words, share: null, high: false });
  const share = (name: string, part: number | null): Reading[] =>
    part === null ? [] : [{ name, words: percent(part, language), share: part, high: part > HIGH }];
  const amount = (name: string, total: number | null, used: number | null): Reading[] =>
    total && used !== null
      ? [{ name, words: t("machine.of", { used: size(used, language), total: size(total, language) }), share: used / total, high: used / total > HIGH }]
      : [];
  return [
    ...amount(t("machine.memory"), gauges.memoryTotal, usedOf(gauges.memoryTotal, gauges.memoryAvailable)),
    ...share(t("machine.processor"), gauges.load),
    ...share(t("machine.gpu"), gauges.gpuLoad),
    ...amount(t("machine.gpuMemory"), gauges.gpuMemoryTotal, gauges.gpuMemoryUsed),
    ...heatOf(gauges, t("machine.heat")),
    ...amount(t("machine.disk"), gauges.diskTotal, usedOf(gauges.diskTotal, gauges.diskFree)),
    ...(gauges.power === null ? [] : [plain(t("machine.power"), `${gauges.power.toFixed(1)} W`)]),
    ...(gauges.powerMode ? [plain(t("machine.mode"), gauges.powerMode)] : []),
    plain(t("machine.sessions"), t("machine.places", { taken: status.sessions, all: status.sessionLimit })),
    plain(t("machine.tasks"), t("machine.working", { running: status.tasksRunning, waiting: status.tasksWaiting })),
    plain(t("machine.resident"), size(status.residentBytes, language)),
    ...(gauges.uptime === null ? [] : [plain(t("machine.uptime"), span(gauges.uptime, language))]),
  ];
}

function usedOf(total: number | null, left: number | null): number | null {
  return total === null || left === null ? null : total - left;
}

function heatOf({ heat }: Gauges, name: string): Reading[] {
  if (!heat) return [];
  const words = `${Math.round(heat.degrees)} °C (${heat.sensor})`;
  return [{ name, words, share: heat.degrees / HOTTEST_DEGREES, high: heat.degrees >= HOT_DEGREES }];
}
