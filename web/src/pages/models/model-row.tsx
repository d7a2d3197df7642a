/** One model: its name, where it stands, and what can be done with it. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "../../design/badge";
import { Button } from "../../design/button";
import { Confirm } from "../../design/dialog";
import { pullModel, removeModel, type Model } from "../../server/models";
import { useBytes } from "./bytes";
import { useModelAction } from ".";

export function ModelRow({ model }: { model: Model }): ReactNode {
  const { t } = useTranslation("models");
  const bytes = useBytes();
  const { name, licence, source } = model;
  return (
    <li className="model">
      <div className="row spread">
        <h3>{name}</h3>
        <div className="row">
          <Badges model={model} />
          <Actions model={model} />
        </div>
      </div>
      <p>{t("facts", { size: bytes(model.bytes), licence, source: source.split(" @ ")[0] })}</p>
    </li>
  );
}

const OBSTACLES = ["language", "speed", "memory"] as const;

function Badges({ model }: { model: Model }): ReactNode {
  const { t, i18n } = useTranslation("models");
  const bytes = useBytes();
  const obstacle = OBSTACLES.find((one) => one === model.obstacle);
  const percent = new Intl.NumberFormat(i18n.language, { style: "percent" }).format(model.arrived / Math.max(1, model.bytes));
  return (
    <>
      {model.use === "answers" && <Badge tone="good">{t("use.answers")}</Badge>}
      {model.use === "chosen" && <Badge tone="good">{t("use.chosen")}</Badge>}
      {model.state === "on disk" && <Badge>{t("state.disk")}</Badge>}
      {model.state === "by hand" && <Badge>{t("state.hand")}</Badge>}
      {model.state === "incomplete" && <Badge tone="bad">{t("state.incomplete")}</Badge>}
      {model.state === "begun" && <Badge tone="warning">{t("state.begun", { percent })}</Badge>}
      {obstacle && <Badge tone="warning">{t(`obstacle.${obstacle}`, { memory: bytes(model.memory) })}</Badge>}
      {!obstacle && model.state === "absent" && <Badge>{t("fits")}</Badge>}
    </>
  );
}

function Actions({ model }: { model: Model }): ReactNode {
  const { t } = useTranslation("models");
  const bytes = useBytes();
  const [asking, setAsking] = useState(false);
  const pull = useModelAction(pullModel);
  const remove = useModelAction(removeModel);
  const { name, state, use } = model;
  const words = state === "begun" ? "continue" : state === "incomplete" ? "repair" : "pull";
  const isHere = state === "on disk";
  return (
    <>
      {!isHere && state !== "by hand" && (
        <Button icon="download" onClick={() => pull.mutate(name)} disabled={pull.isPending} aria-label={`${t(words)}: ${name}`}>
          {t(words)}
        </Button>
      )}
      {(isHere || state === "begun" || state === "incomplete") && use === "" && (
        <Button icon="delete" onClick={() => setAsking(true)} disabled={remove.isPending} aria-label={`${t("remove")}: ${name}`}>
          {t("remove")}
        </Button>
      )}
      <Confirm
        open={asking}
        title={t("removing.question", { name })}
        action={t("remove")}
        onConfirm={() => remove.mutate(name)}
        onClose={() => setAsking(false)}
      >
        <p>{t("removing.effect", { size: bytes(model.bytes) })}</p>
      </Confirm>
    </>
  );
}
