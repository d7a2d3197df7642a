/** How the appliance is: what is wrong first, then who answers, the machine, figures and the log. */

import "./status.css";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { statusQuery } from "../../server/machine";
import { Alerts } from "./alerts";
import { Engines } from "./engines";
import { Figures } from "./figures";
import { LogView } from "./log";
import { Machine } from "./machine";
import { SelftestPanel } from "./selftest";
import { Software } from "./software";

export default function StatusPage(): ReactNode {
  const { t } = useTranslation("status");
  const status = useQuery(statusQuery);
  return (
    <Page title={t("title")}>
      <Loaded query={status}>{({ alerts }) => <Alerts alerts={alerts} />}</Loaded>
      <SelftestPanel />
      {status.data && (
        <div className="status-grid">
          <Engines status={status.data} />
          <Machine status={status.data} />
        </div>
      )}
      <Figures />
      <LogView />
      {status.data && <Software status={status.data} />}
    </Page>
  );
}
