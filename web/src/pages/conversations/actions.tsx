/** What can be done to a kept conversation, from the list and from its own page. */

import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Menu } from "../../design/menu";
import { RenameDialog } from "../../design/rename-dialog";
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
  const queries = useQueryClient();
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
      <RenameDialog
        name={renaming ? title : null}
        title={t("rename.title")}
        label={t("rename.label")}
        save={t("rename.save")}
        longest={LONGEST_TITLE}
        rename={(name) => renameConversation(id, name).then(() => queries.invalidateQueries({ queryKey: ["conversations"] }))}
        onClose={() => setRenaming(false)}
      />
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
