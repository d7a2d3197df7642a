import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { troubleWords } from "../i18n/words";
import { Button } from "./button";
import { Icon } from "./icon";

/** What a request threw, with its advice, and a second try where that can help. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }): ReactNode {
  const { t } = useTranslation();
  const { title, advice } = troubleWords(error, t);
  return (
    <div className="card problem" role="alert">
      <Icon name="warning" />
      <div>
        <h2>{title}</h2>
        <p>{advice}</p>
        {onRetry && <Button onClick={onRetry}>{t("actions.retry")}</Button>}
      </div>
    </div>
  );
}
