/** Tells screen readers whole sentences, once: words that still change would be a stutter. */

import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTranscript } from "../../call/hooks";
import { heardText, type Entry, type Transcript } from "../../call/transcript";

/** What is new and final in an entry since it was last looked at; "" where there is nothing to say. */
function newWords(before: Entry | undefined, now: Entry): string {
  if (now.who === "assistant") {
    return now.state !== "open" && (!before || before.state === "open") ? heardText(now) : "";
  }
  if (now.text === before?.text) return "";
  return (now.who === "notice" ? `${now.text} ${now.extra}` : now.text.slice(before?.text.length ?? 0)).trim();
}

/** Only the latest entries still change. */
const LATEST = 4;

export function Announcer(): ReactNode {
  const { t } = useTranslation("talk");
  const transcript = useTranscript();
  const before = useRef<Transcript>(transcript);
  const [words, setWords] = useState("");
  useEffect(() => {
    const known = new Map(before.current.entries.slice(-LATEST - 1).map((entry) => [entry.id, entry]));
    before.current = transcript;
    for (const entry of transcript.entries.slice(-LATEST)) {
      const said = newWords(known.get(entry.id), entry);
      if (said) setWords(`${t(`who.${entry.who}`)}: ${said}`);
    }
  }, [transcript, t]);
  return (
    <div id="announcer" className="sr-only" aria-live="polite" aria-atomic="true">
      {words}
    </div>
  );
}
