/** Who is paired with the appliance. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { Table } from "../../design/table";
import { clientsQuery } from "../../server/clients";

export default function DevicesPage(): ReactNode {
  const { t } = useTranslation("devices");
  const columns = [
    { title: t("name"), cell: ({ name }: { name: string }) => name },
    { title: t("role"), cell: ({ role }: { role: string }) => role },
  ];
  return (
    <Page title={t("title")}>
      <Loaded query={useQuery(clientsQuery)}>
        {(clients) => <Table label={t("title")} columns={columns} rows={clients} keyOf={({ id }) => id} />}
      </Loaded>
    </Page>
  );
}
