import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./button";
import { useToaster } from "./toast";

/** Puts a text into the clipboard and says so. */
export function CopyButton({ text, label }: { text: string; label: string }): ReactNode {
  const { t } = useTranslation();
  const toaster = useToaster();
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => toaster.show({ words: t("copied") }),
      () => toaster.show({ words: t("notCopied"), bad: true }),
    );
  };
  return <IconButton icon="copy" label={label} onClick={copy} />;
}
