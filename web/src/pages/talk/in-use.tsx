/** Which engines answer, whether words leave the box, and which versions run. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { badgesFor, enginesIn, inUseFromHealth, type InUse } from "../../call/badges";
import { useCallState } from "../../call/hooks";
import { healthQuery } from "../../server/status";

/** As the session reports it; before, as the appliance's health has it for those it knows. */
function useInUse(): InUse | null {
  const reported = useCallState(({ inUse }) => inUse);
  const health = useQuery(healthQuery).data;
  return reported ?? (health?.version ? inUseFromHealth(health) : null);
}

export function Badges(): ReactNode {
  const { t } = useTranslation("talk");
  const inUse = useInUse();
  const badges = inUse ? badgesFor(inUse) : [];
  const shown = badges.map((badge) => t(`badges.${badge}.label`));
  return (
    <ul id="badges" className="badges" role="list" aria-label={t("badges.label")} data-shown={shown.join()}>
      {badges.map((badge, at) => (
        <li key={badge} className={`badge ${badge}`} title={t(`badges.${badge}.meaning`)}>
          {shown[at]}
          <span className="sr-only">: {t(`badges.${badge}.meaning`)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Engines(): ReactNode {
  const { t } = useTranslation("talk");
  const health = useQuery(healthQuery).data;
  const inUse = useInUse();
  const parts = [
    ...(inUse ? enginesIn(inUse) : []).map(([does, name]) => t(`engines.${does}`, { name })),
    health?.version && !health.ready ? t("engines.loading") : "",
    health?.version ? t("engines.appliance", { version: health.version }) : "",
    t("engines.page", { version: __PAGE_VERSION__ }),
  ];
  return <p id="engines">{parts.filter(Boolean).join(" · ")}</p>;
}
