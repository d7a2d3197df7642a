import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTranscript } from "../../call/hooks";
import { heardText, type Entry } from "../../call/transcript";
import { RichText } from "../../design/rich-text";

/** What was asked last, and how far the answer has been heard; of a long one its end is in view. */
export function LastWords(): ReactNode {
  const { t } = useTranslation("talk");
  const shown = lastOf(useTranscript().entries);
  return shown.map((entry) => (
    <div key={entry.id} className="last" data-who={entry.who} dir="auto">
      <div>
        <span className="sr-only">{t(`who.${entry.who}`)}: </span>
        {entry.who === "you" ? [entry.text, entry.extra].filter(Boolean).join(" ") : <RichText text={heardText(entry)} />}
      </div>
    </div>
  ));
}

/** The last entry; before an answer the question that it answers. */
function lastOf(entries: readonly Entry[]): readonly Entry[] {
  const last = entries.at(-1);
  const before = entries.at(-2);
  return entries.slice(last?.who === "assistant" && before?.who === "you" ? -2 : -1);
}
