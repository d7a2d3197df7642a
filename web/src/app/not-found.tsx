import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "../design/page";

export function NotFound(): ReactNode {
  const { t } = useTranslation();
  return (
    <Page title={t("notFound.title")}>
      <p>{t("notFound.advice")}</p>
      <p>
        <Link className="button primary" to="/">
          {t("notFound.back")}
        </Link>
      </p>
    </Page>
  );
}
