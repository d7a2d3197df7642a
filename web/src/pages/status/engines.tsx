/** Who listens, thinks and speaks, why, and who would take over. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "../../design/badge";
import { Card } from "../../design/card";
import type { Ladder, Slot, Status } from "../../server/machine";

const STATES = ["ready", "loading", "waiting", "resting", "failed"] as const;
const TONES: Record<(typeof STATES)[number], Tone> = { ready: "good", loading: "neutral", waiting: "neutral", resting: "warning", failed: "bad" };

export function Engines({ status: { ladders, model } }: { status: Status }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <Card title={t("engines.title")} className="engines">
      {ladders.map((ladder) => (
        <LadderView key={ladder.kind} ladder={ladder} />
      ))}
      {model.state && (
        <section aria-label={t("engines.llm")}>
          <h3>{t("engines.llm")}</h3>
          <p className="answering">
            <strong>{model.name || t("engines.noModel")}</strong> {model.why && <span>{model.why}</span>}
          </p>
        </section>
      )}
    </Card>
  );
}

function LadderView({ ladder: { kind, name, why, slots } }: { ladder: Ladder }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <section aria-label={t(`engines.${kind}`)}>
      <h3>{t(`engines.${kind}`)}</h3>
      <p className="answering">
        <strong>{name}</strong> <span>{why}</span>
      </p>
      <ol className="ladder">
        {slots.map((slot) => (
          <SlotView key={slot.name} slot={slot} />
        ))}
      </ol>
    </section>
  );
}

function SlotView({ slot: { name, state, error, advice } }: { slot: Slot }): ReactNode {
  const { t } = useTranslation("status");
  const known = STATES.find((each) => each === state);
  return (
    <li>
      <span className="row spread">
        <span>{name}</span>
        <Badge tone={known ? TONES[known] : "neutral"}>{known ? t(`engines.states.${known}`) : state}</Badge>
      </span>
      {error && (
        <p>
          {error} {advice}
        </p>
      )}
    </li>
  );
}
