import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCallState } from "../../call/hooks";
import { heardText, type Entry } from "../../call/transcript";
import { RichText } from "../../design/rich-text";
import { Turn } from "./turn";

/** One entry of the log. Renders anew only where the entry changed. */
export const LogEntry = memo(function LogEntry({ entry }: { entry: Entry }): ReactNode {
  const { t } = useTranslation("talk");
  const interim = entry.who === "you" && entry.extra !== "";
  const words = heardText(entry);
  return (
    <article className={`entry ${entry.who}${interim ? " interim" : ""}`} data-state={entry.state}>
      <h3 className="who">{t(`who.${entry.who}`)}</h3>
      <div className="words">
        <div className="main">{entry.who === "you" ? words : <RichText text={words} />}</div>{" "}
        <span className="extra">{entry.state === "interrupted" ? t("interrupted") : entry.extra}</span>
        {entry.pending && <Pending />}
      </div>
      {entry.state !== "open" && entry.who !== "notice" && <Turn entry={entry} words={words} />}
    </article>
  );
});

/** A typed text that is not known to have arrived. */
function Pending(): ReactNode {
  const { t } = useTranslation("talk");
  const wanted = useCallState(({ facts }) => facts.wanted);
  return <span className="pending">{t(wanted ? "pending.waiting" : "pending.notSent")}</span>;
}
