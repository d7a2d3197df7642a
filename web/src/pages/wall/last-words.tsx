import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTranscript } from "../../call/hooks";
import { heardText, type Entry } from "../../call/transcript";

/** Across a kitchen nobody reads more of an answer; it ends with what is being said. */
const MOST = 180;

/** The end of a text from the beginning of a word on. */
export function endOf(text: string, most = MOST): string {
  if (text.length <= most) return text;
  const cut = text.slice(-most);
  return `… ${cut.slice(cut.search(/\s/) + 1)}`;
}

function wordsOf(entry: Entry): string {
  return endOf([heardText(entry), entry.who === "you" ? entry.extra : ""].filter(Boolean).join(" "));
}

/** What was asked last, and how far the answer has been heard. */
export function LastWords(): ReactNode {
  const { t } = useTranslation("talk");
  const shown = lastOf(useTranscript().entries);
  return shown.map((entry) => (
    <p key={entry.id} className="last" data-who={entry.who} dir="auto">
      <span className="sr-only">{t(`who.${entry.who}`)}: </span>
      {wordsOf(entry)}
    </p>
  ));
}

/** The last entry; before an answer the question that it answers. */
export function lastOf(entries: readonly Entry[]): readonly Entry[] {
  const last = entries.at(-1);
  const before = entries.at(-2);
  return entries.slice(last?.who === "assistant" && before?.who === "you" ? -2 : -1);
}
