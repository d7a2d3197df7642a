/** The paired clients, and those whose access has ended. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Role } from "../../app/navigation";
import { Badge } from "../../design/badge";
import { Card } from "../../design/card";
import { Confirm } from "../../design/dialog";
import { Empty } from "../../design/empty";
import { Menu } from "../../design/menu";
import { RenameDialog } from "../../design/rename-dialog";
import { Table } from "../../design/table";
import { useToaster } from "../../design/toast";
import { ago, moment } from "../../i18n/time";
import { changeClient, clientsQuery, revokeClient, type Client } from "../../server/clients";
import { meQuery } from "../../server/identity";
import { ROLES } from "./roles";

type Asked = { about: Client; what: "rename" | "revoke" } | null;

export function Clients({ clients }: { clients: readonly Client[] }): ReactNode {
  const { t } = useTranslation("devices");
  const [asked, setAsked] = useState<Asked>(null);
  const paired = clients.filter(({ revokedAt }) => revokedAt === null);
  const gone = clients.filter(({ revokedAt }) => revokedAt !== null);
  const close = (): void => setAsked(null);
  return (
    <Card title={t("paired")} className="clients">
      {paired.length === 0 ? <Empty title={t("none")} /> : <Paired clients={paired} onAsk={setAsked} />}
      {gone.length > 0 && <Revoked clients={gone} />}
      <Rename client={asked?.what === "rename" ? asked.about : null} onClose={close} />
      <Revoke client={asked?.what === "revoke" ? asked.about : null} onClose={close} />
    </Card>
  );
}

function Paired({ clients, onAsk }: { clients: readonly Client[]; onAsk: (asked: Asked) => void }): ReactNode {
  const { t, i18n } = useTranslation("devices");
  const me = useQuery(meQuery).data;
  const now = Date.now() / 1000;
  const columns = [
    {
      title: t("name"),
      cell: (client: Client) => (
        <span className="row">
          <span className="who">{client.name}</span>
          {client.id === me?.id && <Badge tone="good">{t("this")}</Badge>}
        </span>
      ),
    },
    { title: t("role"), cell: (client: Client) => <RoleSelect client={client} admins={clients.filter(isAdmin).length} /> },
    { title: t("seen"), cell: ({ seenAt }: Client) => <span title={moment(seenAt, i18n.language)}>{ago(seenAt, now, i18n.language)}</span> },
    {
      title: t("actions"),
      cell: (client: Client) => (
        <Menu
          label={t("menu", { name: client.name })}
          items={[
            { label: t("rename.open"), icon: "edit", act: () => onAsk({ about: client, what: "rename" }) },
            { label: t("revoke.open"), icon: "delete", danger: true, act: () => onAsk({ about: client, what: "revoke" }) },
          ]}
        />
      ),
    },
  ];
  return <Table label={t("paired")} columns={columns} rows={clients} keyOf={({ id }) => id} />;
}

const isAdmin = ({ role }: Client): boolean => role === "admin";

/** The last administrator keeps the role: otherwise nobody could change anything on the page. */
function RoleSelect({ client, admins }: { client: Client; admins: number }): ReactNode {
  const { t } = useTranslation("devices");
  const queries = useQueryClient();
  const toaster = useToaster();
  const change = useMutation({
    mutationFn: (role: Role) => changeClient(client.id, { role }),
    onSuccess: (_, role) => toaster.show({ words: t("changed", { name: client.name, role: t(`roles.${role}`) }) }),
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: clientsQuery.queryKey }),
  });
  const last = isAdmin(client) && admins === 1;
  return (
    <select
      aria-label={t("roleOf", { name: client.name })}
      title={last ? t("lastAdmin") : undefined}
      value={change.isPending ? change.variables : client.role}
      disabled={change.isPending || last}
      onChange={(event) => change.mutate(event.target.value as Role)}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t(`roles.${role}`)}
        </option>
      ))}
    </select>
  );
}

/** As many characters as the appliance keeps. */
const LONGEST_NAME = 100;

function Rename({ client, onClose }: { client: Client | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation("devices");
  const queries = useQueryClient();
  const rename = async (name: string): Promise<void> => {
    if (client) await changeClient(client.id, { name });
    await queries.invalidateQueries({ queryKey: clientsQuery.queryKey });
  };
  return (
    <RenameDialog
      name={client?.name ?? null}
      title={t("rename.title")}
      label={t("name")}
      save={t("rename.save")}
      longest={LONGEST_NAME}
      rename={rename}
      onClose={onClose}
    />
  );
}

function Revoke({ client, onClose }: { client: Client | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation("devices");
  const queries = useQueryClient();
  const toaster = useToaster();
  const me = useQuery(meQuery).data;
  const revoke = useMutation({
    mutationFn: ({ id }: Client) => revokeClient(id),
    onSuccess: (_, { name }) => toaster.show({ words: t("revoke.done", { name }) }),
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: clientsQuery.queryKey }),
  });
  const own = client !== null && client.id === me?.id;
  return (
    <Confirm
      open={client !== null}
      title={t("revoke.title", { name: client?.name ?? "" })}
      action={t("revoke.open")}
      onClose={onClose}
      onConfirm={() => client && revoke.mutate(client)}
    >
      <p>{t(own ? "revoke.own" : "revoke.follows")}</p>
    </Confirm>
  );
}

function Revoked({ clients }: { clients: readonly Client[] }): ReactNode {
  const { t, i18n } = useTranslation("devices");
  return (
    <details>
      <summary>{t("gone", { count: clients.length })}</summary>
      <ul className="revoked" role="list">
        {clients.map(({ id, name, revokedAt }) => (
          <li key={id}>{t("goneSince", { name, when: moment(revokedAt ?? 0, i18n.language) })}</li>
        ))}
      </ul>
    </details>
  );
}
