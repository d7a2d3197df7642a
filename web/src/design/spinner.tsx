import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export function Spinner(): ReactNode {
  const { t } = useTranslation();
  return (
    <p className="spinner" role="status">
      <span className="dots" aria-hidden="true" />
      {t("loading")}
    </p>
  );
}
