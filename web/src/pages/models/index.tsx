/** The engines that the appliance hears and speaks with. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { healthQuery } from "../../server/status";

export default function ModelsPage(): ReactNode {
  const { t } = useTranslation("models");
  return (
    <Page title={t("title")}>
      <Loaded query={useQuery(healthQuery)}>
        {({ stt, tts }) => (
          <Card title={t("inUse")}>
            <p>{t("hears", { name: stt })}</p>
            <p>{t("speaks", { name: tts })}</p>
          </Card>
        )}
      </Loaded>
    </Page>
  );
}
