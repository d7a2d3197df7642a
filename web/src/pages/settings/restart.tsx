/** Settings that wait for a restart, and the restart itself. */

import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { Confirm } from "../../design/dialog";
import { useToaster } from "../../design/toast";
import { restartAppliance } from "../../server/settings";

export function RestartNeeded({ keys }: { keys: readonly string[] }): ReactNode {
  const { t } = useTranslation("settings");
  const toaster = useToaster();
  const [asking, setAsking] = useState(false);
  const restart = useMutation({
    mutationFn: restartAppliance,
    onSuccess: () => toaster.show({ words: t("restart.begun") }),
    onError: toaster.fail,
  });
  if (keys.length === 0) return null;
  return (
    <Card title={t("restart.title")}>
      <p>{t("restart.waiting", { settings: keys.join(", ") })}</p>
      <div className="row">
        <Button kind="primary" icon="refresh" onClick={() => setAsking(true)} disabled={restart.isPending}>
          {t("restart.action")}
        </Button>
      </div>
      <Confirm
        open={asking}
        title={t("restart.question")}
        action={t("restart.action")}
        danger={false}
        onConfirm={() => restart.mutate()}
        onClose={() => setAsking(false)}
      >
        <p>{t("restart.effect")}</p>
      </Confirm>
    </Card>
  );
}
