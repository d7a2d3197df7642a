/** What can be done to a kept conversation, from the list and from its own page. */

import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { Field } from "../../design/fields";
import { Menu } from "../../design/menu";
import { useToaster } from "../../design/toast";
import {
  deleteConversation,
  exportAddress,
  renameConversation,
  restoreConversation,
  type ExportFormat,
  type Summary,
} from "../../server/conversations";

/** As long as the appliance takes a title. */
const LONGEST_TITLE = 200;

interface ActionsProps {
  conversation: Summary;
  /** After it was deleted, while that can still be undone. */
  onDeleted?: () => void;
}

export function ConversationMenu({ conversation, onDeleted }: ActionsProps): ReactNode {
  const { t } = useTranslation("conversations");
  const { id, title } = conversation;
  const [renaming, setRenaming] = useState(false);
  const remove = useDelete(onDeleted);
  return (
    <>
      <Menu
        label={t("actions.menu", { title: title || t("untitled") })}
        items={[
          { label: t("actions.rename"), icon: "edit", act: () => setRenaming(true) },
          { label: t("actions.markdown"), icon: "download", act: () => download(id, "markdown") },
          { label: t("actions.json"), icon: "download", act: () => download(id, "json") },
          { label: t("actions.delete"), icon: "delete", danger: true, act: () => remove(conversation) },
        ]}
      />
      <Dialog open={renaming} title={t("rename.title")} onClose={() => setRenaming(false)}>
        <Rename conversation={conversation} onClose={() => setRenaming(false)} />
      </Dialog>
    </>
  );
}

/** The appliance names the file. */
function download(id: string, format: ExportFormat): void {
  const link = document.createElement("a");
  link.href = exportAddress(id, format);
  link.download = "";
  link.click();
}

/** Deletes at once; the note offers to undo it for as long as the appliance can. */
function useDelete(onDeleted: () => void = () => undefined): (conversation: Summary) => void {
  const { t } = useTranslation("conversations");
  const toaster = useToaster();
  const queries = useQueryClient();
  const renew = (): void => void queries.invalidateQueries({ queryKey: ["conversations"] });
  const undo = (id: string): void => void restoreConversation(id).then(renew, toaster.fail);
  return ({ id, title }) => {
    const deleted = (): void => {
      const words = t("deleted", { title: title || t("untitled") });
      toaster.show({ words, action: { label: t("undo"), act: () => undo(id) } });
      renew();
      onDeleted();
    };
    void deleteConversation(id).then(deleted, toaster.fail);
  };
}

function Rename({ conversation, onClose }: { conversation: Summary; onClose: () => void }): ReactNode {
  const { t } = useTranslation("conversations");
  const toaster = useToaster();
  const queries = useQueryClient();
  const [title, setTitle] = useState(conversation.title);
  const saved = (): void => {
    void queries.invalidateQueries({ queryKey: ["conversations"] });
    onClose();
  };
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (title.trim()) void renameConversation(conversation.id, title.trim()).then(saved, toaster.fail);
  };
  return (
    <form className="dialog-body-form" onSubmit={submit}>
      <Field label={t("rename.label")}>
        {(tied) => <input {...tied} maxLength={LONGEST_TITLE} value={title} onChange={(event) => setTitle(event.target.value)} />}
      </Field>
      <div className="row end">
        <Button onClick={onClose}>{t("rename.cancel")}</Button>
        <Button kind="primary" type="submit" disabled={!title.trim()}>
          {t("rename.save")}
        </Button>
      </div>
    </form>
  );
}
