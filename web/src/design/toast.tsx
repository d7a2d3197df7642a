/** Short notes at the edge of the page, spoken to screen readers; with an action, such as undo. */

import { Toast } from "radix-ui";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { sentence, troubleWords } from "../i18n/words";
import { IconButton } from "./button";

/** Long enough to read two lines; with an action, long enough to change one's mind. */
const SHOWN_MS = 5000;
const SHOWN_WITH_ACTION_MS = 10_000;

interface Note {
  words: string;
  bad?: boolean;
  action?: { label: string; act: () => void };
  /** When it went without its action: the moment to do what could be undone. */
  onGone?: () => void;
}

interface Toaster {
  show: (note: Note) => void;
  /** What a request threw, in words. */
  fail: (error: unknown) => void;
}

const ToasterContext = createContext<Toaster | null>(null);

export function useToaster(): Toaster {
  const toaster = useContext(ToasterContext);
  if (!toaster) throw new Error("there are no Toasts around this component");
  return toaster;
}

export function Toasts({ children }: { children: ReactNode }): ReactNode {
  const { t } = useTranslation();
  const [notes, setNotes] = useState<readonly (Note & { id: number })[]>([]);
  const show = useCallback((note: Note) => {
    setNotes((now) => [...now, { ...note, id: (now.at(-1)?.id ?? 0) + 1 }]);
  }, []);
  const toaster = useMemo(
    () => ({ show, fail: (error: unknown) => show({ words: sentence(troubleWords(error, t)), bad: true }) }),
    [show, t],
  );
  const remove = (id: number): void => setNotes((now) => now.filter((note) => note.id !== id));
  return (
    <ToasterContext value={toaster}>
      <Toast.Provider label={t("notification")} duration={SHOWN_MS}>
        {children}
        {notes.map((note) => (
          <OneToast key={note.id} note={note} onRemove={() => remove(note.id)} />
        ))}
        <Toast.Viewport className="toasts" label={t("notifications")} />
      </Toast.Provider>
    </ToasterContext>
  );
}

function OneToast({ note, onRemove }: { note: Note; onRemove: () => void }): ReactNode {
  const { t } = useTranslation();
  const { words, bad = false, action, onGone } = note;
  const acted = useRef(false);
  const gone = (open: boolean): void => {
    if (open) return;
    if (!acted.current) onGone?.();
    onRemove();
  };
  const act = (): void => {
    acted.current = true;
    action?.act();
    onRemove();
  };
  return (
    <Toast.Root className="toast" data-bad={bad} duration={action ? SHOWN_WITH_ACTION_MS : SHOWN_MS} onOpenChange={gone}>
      <Toast.Description>{words}</Toast.Description>
      {action && (
        <Toast.Action className="button quiet" altText={action.label} onClick={act}>
          {action.label}
        </Toast.Action>
      )}
      <Toast.Close asChild>
        <IconButton icon="close" label={t("actions.close")} />
      </Toast.Close>
    </Toast.Root>
  );
}
