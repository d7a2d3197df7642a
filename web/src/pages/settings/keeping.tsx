/** For how long things are kept. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { useForm } from "./form";
import { NumberField, SliderField, SwitchField } from "./inputs";

export function KeepingCard(): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const form = useForm();
  const clock = new Intl.DateTimeFormat(i18n.language, { timeStyle: "short" });
  return (
    <Card title={t("groups.keeping")}>
      <SwitchField name="retention_enabled" />
      {form.value("retention.enabled") === true && (
        <>
          <NumberField name="retention_conversation_days" />
          <NumberField name="retention_recording_days" />
          <NumberField name="retention_task_days" />
          <NumberField name="retention_audit_days" />
          <NumberField name="retention_megabytes" />
          <SliderField name="retention_hour" step={1} words={(hour) => clock.format(new Date(2000, 0, 1, hour))} />
        </>
      )}
    </Card>
  );
}
