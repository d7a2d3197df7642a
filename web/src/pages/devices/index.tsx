/** Who is paired with the appliance: roles, names, an end to access, and another device. */

import "./devices.css";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { clientsQuery } from "../../server/clients";
import { AuditTrail } from "./audit";
import { Clients } from "./clients";
import { OpenCodes } from "./open-codes";
import { PairDialog } from "./pair";

export default function DevicesPage(): ReactNode {
  const { t } = useTranslation("devices");
  const [pairing, setPairing] = useState(false);
  const clients = useQuery(clientsQuery);
  const actions = (
    <Button id="pair-device" kind="primary" icon="qr" onClick={() => setPairing(true)}>
      {t("pair.open")}
    </Button>
  );
  return (
    <Page title={t("title")} actions={actions}>
      <OpenCodes />
      <Loaded query={clients}>{(known) => <Clients clients={known} />}</Loaded>
      <AuditTrail clients={clients.data ?? []} />
      <PairDialog open={pairing} onClose={() => setPairing(false)} />
    </Page>
  );
}
