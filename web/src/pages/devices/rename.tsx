import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { Field } from "../../design/fields";
import { useToaster } from "../../design/toast";
import { changeClient, clientsQuery, type Client } from "../../server/clients";

/** As many as the appliance keeps. */
const LONGEST_NAME = 100;

export function Rename({ client, onClose }: { client: Client | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation("devices");
  return (
    <Dialog open={client !== null} title={t("rename.title")} onClose={onClose}>
      {client && <RenameForm key={client.id} client={client} onClose={onClose} />}
    </Dialog>
  );
}

function RenameForm({ client, onClose }: { client: Client; onClose: () => void }): ReactNode {
  const { t } = useTranslation("devices");
  const { t: common } = useTranslation();
  const queries = useQueryClient();
  const toaster = useToaster();
  const [name, setName] = useState(client.name);
  const rename = useMutation({
    mutationFn: () => changeClient(client.id, { name: name.trim() }),
    onSuccess: onClose,
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: clientsQuery.queryKey }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim()) rename.mutate();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field label={t("name")}>
        {(tied) => <input {...tied} value={name} maxLength={LONGEST_NAME} autoFocus required onChange={(event) => setName(event.target.value)} />}
      </Field>
      <div className="row end">
        <Button onClick={onClose}>{common("actions.cancel")}</Button>
        <Button type="submit" kind="primary" disabled={rename.isPending || !name.trim()}>
          {t("rename.save")}
        </Button>
      </div>
    </form>
  );
}
