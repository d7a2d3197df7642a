import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { heardText, type Entry } from "../../call/transcript";

/** One entry of the log. Renders anew only where the entry changed. */
export const LogEntry = memo(function LogEntry({ entry }: { entry: Entry }): ReactNode {
  const { t } = useTranslation("talk");
  const interim = entry.who === "you" && entry.extra !== "";
  return (
    <article className={`entry ${entry.who}${interim ? " interim" : ""}`} data-state={entry.state}>
      <h3 className="who">{t(`who.${entry.who}`)}</h3>
      <p className="words">
        <span className="main">{heardText(entry)}</span>{" "}
        <span className="extra">{entry.state === "interrupted" ? t("interrupted") : entry.extra}</span>
      </p>
    </article>
  );
});
