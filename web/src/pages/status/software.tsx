/** Which release runs, whether another waits, and what it is made of. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { span } from "../../i18n/time";
import type { Status } from "../../server/machine";

const UPDATES = ["unknown", "restart", "probation"] as const;

export function Software({ status: { version, update, versions, uptime } }: { status: Status }): ReactNode {
  const { t, i18n } = useTranslation("status");
  const { t: common } = useTranslation();
  const known = UPDATES.find((each) => each === update) ?? "unknown";
  return (
    <Card title={t("software.title")} className="software">
      <p>
        <strong>
          {common("name")} {version}
        </strong>{" "}
        · {t("software.since", { time: span(uptime, i18n.language) })}
      </p>
      <p>{t(`software.update.${known}`)}</p>
      <details>
        <summary>{t("software.parts")}</summary>
        <dl>
          {versions.map(([name, number]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{number}</dd>
            </div>
          ))}
        </dl>
      </details>
    </Card>
  );
}
