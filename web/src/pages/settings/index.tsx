/** What can be set in this browser. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Card } from "../../design/card";
import { Page } from "../../design/page";
import { Appearance } from "./appearance";

export default function SettingsPage(): ReactNode {
  const { t } = useTranslation("settings");
  return (
    <Page title={t("title")}>
      <Card title={t("appearance.title")}>
        <Appearance />
      </Card>
    </Page>
  );
}
