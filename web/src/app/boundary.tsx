/** Shown instead of a page that failed; the call goes on. */

import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button";
import { ErrorNote } from "../design/error-note";
import { Page } from "../design/page";
import { troubleWords } from "../i18n/words";

export function Boundary({ error, reset }: ErrorComponentProps): ReactNode {
  const { t } = useTranslation();
  const router = useRouter();
  const again = (): void => {
    reset();
    void router.invalidate();
  };
  const words = troubleWords(error, t);
  return (
    <Page title={words.title}>
      <ErrorNote error={error} />
      <p>
        <Button onClick={again}>{t("actions.retry")}</Button>
      </p>
    </Page>
  );
}
