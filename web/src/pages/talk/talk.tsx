/** What was said, and the field to type in. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useTranscript } from "../../call/hooks";
import { Button } from "../../design/button";
import { Confirm } from "../../design/dialog";
import { Composer } from "./composer";
import { KeepButton } from "./keep";
import { Log } from "./log";
import { Recording } from "./recording";

export function Talk(): ReactNode {
  const { t } = useTranslation("talk");
  return (
    <section className="talk" aria-labelledby="talk-title">
      <div className="talk-head">
        <h2 id="talk-title">{t("conversation")}</h2>
        <div className="row">
          <Recording />
          <KeepButton />
          <StartAfresh />
        </div>
      </div>
      <Log />
      <Composer />
    </section>
  );
}

/** Asks where there is something to lose sight of. */
function StartAfresh(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const [asking, setAsking] = useState(false);
  const empty = useTranscript().entries.length === 0;
  return (
    <>
      <Button id="fresh" kind="quiet" icon="add" title={t("fresh.label")} disabled={empty} onClick={() => setAsking(true)}>
        <span className="label">{t("fresh.label")}</span>
      </Button>
      <Confirm
        open={asking}
        title={t("fresh.question")}
        action={t("fresh.label")}
        danger={false}
        onConfirm={() => void call.startAfresh()}
        onClose={() => setAsking(false)}
      >
        <p>{t("fresh.consequence")}</p>
      </Confirm>
    </>
  );
}
