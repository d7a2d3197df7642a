/** Who was let in, refused, changed or deleted what; newest first. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "../../design/badge";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { Empty } from "../../design/empty";
import { Select } from "../../design/fields";
import { Loaded } from "../../design/loaded";
import { moment } from "../../i18n/time";
import { ACTIONS, auditQuery, type AuditEntry, type AuditFilter } from "../../server/audit";
import type { Client } from "../../server/clients";

const EVERYTHING: AuditFilter = { what: "", client: "" };
const DONE = "done";

export function AuditTrail({ clients }: { clients: readonly Client[] }): ReactNode {
  const { t } = useTranslation("devices");
  const [filter, setFilter] = useState(EVERYTHING);
  const query = useInfiniteQuery(auditQuery(filter));
  const entries = query.data?.pages.flat() ?? [];
  return (
    <Card title={t("audit.title")} className="audit">
      <Filter filter={filter} clients={clients} onChange={setFilter} />
      <Loaded query={query}>
        {() =>
          entries.length === 0 ? (
            <Empty title={t("audit.none")} />
          ) : (
            <ol className="entries" role="list">
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} clients={clients} />
              ))}
            </ol>
          )
        }
      </Loaded>
      {query.hasNextPage && (
        <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("audit.more")}
        </Button>
      )}
    </Card>
  );
}

interface FilterProps {
  filter: AuditFilter;
  clients: readonly Client[];
  onChange: (filter: AuditFilter) => void;
}

function Filter({ filter, clients, onChange }: FilterProps): ReactNode {
  const { t } = useTranslation("devices");
  const names = clients.map(({ id, name }) => ({ value: id, label: name }));
  return (
    <div className="filter">
      <Select
        label={t("audit.what")}
        value={filter.what}
        options={[{ value: "", label: t("audit.everything") }, ...ACTIONS.map((value) => ({ value: value as string, label: t(`audit.actions.${value}`) }))]}
        onChange={(what) => onChange({ ...filter, what })}
      />
      <Select
        label={t("audit.device")}
        value={filter.client}
        options={[{ value: "", label: t("audit.everybody") }, ...names]}
        onChange={(client) => onChange({ ...filter, client })}
      />
    </div>
  );
}

function Entry({ entry, clients }: { entry: AuditEntry; clients: readonly Client[] }): ReactNode {
  const { t, i18n } = useTranslation("devices");
  const { at, what, who, address, outcome, client, detail } = entry;
  const nameOf = (id: string): string => clients.find((known) => known.id === id)?.name ?? id;
  const action = ACTIONS.find((known) => known === what);
  const whom = client && client !== who ? nameOf(client) : "";
  return (
    <li>
      <time dateTime={new Date(at * 1000).toISOString()}>{moment(at, i18n.language)}</time>
      <div className="row">
        <strong>{action ? t(`audit.actions.${action}`) : what}</strong>
        {outcome !== DONE && <Badge tone="bad">{t("audit.refused")}</Badge>}
        {whom && <span>{whom}</span>}
      </div>
      <p>
        {[who ? nameOf(who) : t("audit.stranger"), address, detail].filter(Boolean).join(" · ")}
      </p>
    </li>
  );
}
