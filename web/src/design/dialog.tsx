/**
 * Dialogs on the browser's own <dialog>: it keeps the focus, closes by Escape and gives the focus
 * back. Radix's would lock the page's scroll by a style element, which the policy refuses.
 */

import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "./button";

interface DialogProps {
  open: boolean;
  title: string;
  /** By the button, Escape or a click beside it. */
  onClose: () => void;
  id?: string;
  children: ReactNode;
}

export function Dialog({ open, title, onClose, id, children }: DialogProps): ReactNode {
  const { t } = useTranslation();
  const element = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    if (open && !element.current?.open) element.current?.showModal();
    if (!open && element.current?.open) element.current.close();
  }, [open]);
  return (
    <dialog
      ref={element}
      id={id}
      className="dialog"
      aria-labelledby={name}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      {open && (
        <div className="dialog-body">
          <header className="card-head">
            <h2 id={name}>{title}</h2>
            <IconButton icon="close" label={t("actions.close")} onClick={onClose} />
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}

interface ConfirmProps {
  open: boolean;
  /** The question. */
  title: string;
  /** What follows from a yes. */
  children: ReactNode;
  /** The words on the button that does it. */
  action: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be undone. */
export function Confirm({ open, title, children, action, danger = true, onConfirm, onClose }: ConfirmProps): ReactNode {
  const { t } = useTranslation();
  const act = (): void => {
    onClose();
    onConfirm();
  };
  return (
    <Dialog open={open} title={title} onClose={onClose}>
      <div>{children}</div>
      <div className="row end">
        <Button onClick={onClose}>{t("actions.cancel")}</Button>
        <Button kind={danger ? "danger" : "primary"} onClick={act}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
