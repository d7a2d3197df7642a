/** How the appliance is. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "../../design/page";
import { SelftestPanel } from "./selftest";

export default function StatusPage(): ReactNode {
  const { t } = useTranslation("status");
  return (
    <Page title={t("title")}>
      <SelftestPanel />
    </Page>
  );
}
