/** Whether the sound of the conversation is kept: never hidden while it is, and one press from its end. */

import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useRole } from "../../app/identity";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { isLive } from "../../call/state";
import { Button, IconButton } from "../../design/button";
import { Icon } from "../../design/icon";
import { useToaster } from "../../design/toast";

export function Recording(): ReactNode {
  const { t } = useTranslation("recording");
  const call = useCall();
  const toaster = useToaster();
  const role = useRole();
  const live = isLive(useUiState());
  const on = useCallState(({ recording }) => recording);
  const record = useMutation({ mutationFn: (wanted: boolean) => call.record(wanted), onError: toaster.fail });
  return (
    <div className="recording" role="status">
      {on && (
        <>
          <span id="recording" className="badge bad">
            <Icon name="record" />
            {t("on")}
          </span>
          <IconButton id="stop-recording" icon="stop" label={t("stop")} disabled={record.isPending} onClick={() => record.mutate(false)} />
        </>
      )}
      {!on && live && (role === "user" || role === "admin") && (
        <Button
          id="start-recording"
          kind="quiet"
          icon="record"
          title={t("start")}
          aria-label={t("start")}
          disabled={record.isPending}
          onClick={() => record.mutate(true)}
        >
          <span className="label">{t("record")}</span>
        </Button>
      )}
    </div>
  );
}
