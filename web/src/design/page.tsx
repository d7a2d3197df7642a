import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface PageProps {
  title: string;
  /** Buttons beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page below the navigation: one `main`, one `h1`, and the title of the window. */
export function Page({ title, actions, children }: PageProps): ReactNode {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("name")}`;
  }, [title, t]);
  return (
    <main className="page">
      <header className="page-head">
        <h1>{title}</h1>
        {actions && <div className="row">{actions}</div>}
      </header>
      {children}
    </main>
  );
}
