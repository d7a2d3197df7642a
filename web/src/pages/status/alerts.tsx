/** What a person should see to, worst first. */

import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "../../design/badge";
import { Card } from "../../design/card";
import { Icon } from "../../design/icon";
import { size } from "../../i18n/time";
import type { Alert, Severity } from "../../server/machine";

/** Those that this page says in its own language: appliance/app/alerts.py has them all. */
export const KNOWN = [
  ...["history_full", "history_damaged", "history_missing", "store_lost", "store_damaged"],
  ...["stt_failed", "stt_resting", "tts_failed", "tts_resting"],
  ...["memory_tight", "memory_critical", "disk_low", "disk_full", "warm", "hot", "throttled"],
  ...["access_open", "retention"],
] as const;

const TONES: Record<Severity, Tone> = { failure: "bad", warning: "warning", note: "neutral" };

export function Alerts({ alerts }: { alerts: readonly Alert[] }): ReactNode {
  const { t, i18n } = useTranslation("status");
  if (alerts.length === 0) {
    return (
      <Card className="alerts">
        <p className="well">
          <Icon name="check" /> {t("alerts.none")}
        </p>
      </Card>
    );
  }
  return (
    <Card title={t("alerts.title")} className="alerts">
      <ul role="list">
        {alerts.map((alert) => {
          const { message, advice } = wordsOf(alert, t, i18n.language);
          return (
            <li key={`${alert.code} ${alert.message}`} data-severity={alert.severity}>
              <Badge tone={TONES[alert.severity]}>{t(`alerts.severity.${alert.severity}`)}</Badge>
              <div>
                <strong>{message}</strong>
                {advice && <p>{advice}</p>}
              </div>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

export function wordsOf({ code, values, message, advice }: Alert, t: TFunction<"status">, language: string): { message: string; advice: string } {
  const known = KNOWN.find((each) => each === code);
  if (!known) return { message, advice };
  const bytes = typeof values["bytes"] === "number" ? size(values["bytes"], language) : "";
  const degrees = typeof values["degrees"] === "number" ? Math.round(values["degrees"]) : "";
  const given = { ...values, bytes, degrees };
  return { message: t(`alerts.${known as "hot"}.message`, given), advice: t(`alerts.${known as "hot"}.advice`, given) };
}
