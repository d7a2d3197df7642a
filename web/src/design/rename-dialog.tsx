import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Field } from "./fields";
import { useToaster } from "./toast";

interface RenameProps {
  /** What it is called now; null: the dialog is closed. */
  name: string | null;
  title: string;
  label: string;
  /** The word on the button. */
  save: string;
  /** In characters, as many as the appliance keeps. */
  longest: number;
  /** Gets a name without spaces around it, never an empty one. */
  rename: (name: string) => Promise<void>;
  onClose: () => void;
}

/** Asks for another name; stays open where the appliance does not take it. */
export function RenameDialog({ name, title, onClose, ...rest }: RenameProps): ReactNode {
  return (
    <Dialog open={name !== null} title={title} onClose={onClose}>
      {name !== null && <RenameForm {...rest} before={name} onClose={onClose} />}
    </Dialog>
  );
}

type FormProps = Omit<RenameProps, "name" | "title"> & { before: string };

function RenameForm({ before, label, save, longest, rename, onClose }: FormProps): ReactNode {
  const { t } = useTranslation();
  const toaster = useToaster();
  const [name, setName] = useState(before);
  const [busy, setBusy] = useState(false);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setBusy(true);
    void rename(name.trim())
      .then(onClose, toaster.fail)
      .finally(() => setBusy(false));
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field label={label}>
        {(tied) => <input {...tied} maxLength={longest} value={name} autoFocus required onChange={(event) => setName(event.target.value)} />}
      </Field>
      <div className="row end">
        <Button onClick={onClose}>{t("actions.cancel")}</Button>
        <Button kind="primary" type="submit" disabled={busy || !name.trim()}>
          {save}
        </Button>
      </div>
    </form>
  );
}
