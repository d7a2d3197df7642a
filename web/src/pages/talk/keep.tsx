import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState, useTranscript } from "../../call/hooks";
import { Button } from "../../design/button";
import { Confirm } from "../../design/dialog";
import { useToaster } from "../../design/toast";

/** Whether the conversation of this call is kept; asks before what was said of it is deleted. */
export function KeepButton(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const toaster = useToaster();
  const [asking, setAsking] = useState(false);
  const kept = useCallState(({ facts }) => facts.kept);
  const empty = useTranscript().entries.length === 0;
  if (kept === null) return null;
  const label = t(kept ? "keep.stop" : "keep.resume");
  const change = (keep: boolean): void => void call.setKept(keep).catch(toaster.fail);
  return (
    <>
      <Button
        id="keep"
        kind="quiet"
        icon={kept ? "private" : "conversations"}
        title={label}
        onClick={() => (kept && !empty ? setAsking(true) : change(!kept))}
      >
        <span className="label">{label}</span>
      </Button>
      <Confirm
        open={asking}
        title={t("keep.question")}
        action={t("keep.stop")}
        onConfirm={() => change(false)}
        onClose={() => setAsking(false)}
      >
        <p>{t("keep.consequence")}</p>
      </Confirm>
    </>
  );
}
