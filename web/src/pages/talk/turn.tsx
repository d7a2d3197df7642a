/** What can be done with a turn, and how its answer came about. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { enginesIn } from "../../call/badges";
import { useCall, useUiState } from "../../call/hooks";
import { isLive } from "../../call/state";
import type { Answered, Entry } from "../../call/transcript";
import { IconButton } from "../../design/button";
import { CopyButton } from "../../design/copy-button";

export function Turn({ entry, words }: { entry: Entry; words: string }): ReactNode {
  const { t } = useTranslation("talk");
  const [asked, setAsked] = useState(false);
  return (
    <>
      <div className="turn-actions">
        <CopyButton text={words} label={t("turn.copy")} />
        {"share" in navigator && (
          <IconButton
            icon="share"
            label={t("turn.share")}
            // Whoever closes the system's sheet has changed their mind, no more.
            onClick={() => void navigator.share({ text: words }).catch(() => undefined)}
          />
        )}
        {entry.who === "you" && <AskAgain words={words} />}
        {entry.answered && (
          <IconButton icon="info" label={t("turn.about")} aria-expanded={asked} onClick={() => setAsked(!asked)} />
        )}
      </div>
      {asked && entry.answered && <About answered={entry.answered} />}
    </>
  );
}

function AskAgain({ words }: { words: string }): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const live = isLive(useUiState());
  return <IconButton icon="repeat" label={t("turn.again")} disabled={!live} onClick={() => call.send(words)} />;
}

function About({ answered }: { answered: Answered }): ReactNode {
  const { t, i18n } = useTranslation("talk");
  const { engines, leftTheBox, after } = answered;
  const name = (kind: string): string => engines[kind] ?? "";
  const used = enginesIn({ route: "", stt: name("stt"), tts: name("tts"), llm: name("llm"), leftTheBox });
  const seconds = after?.toLocaleString(i18n.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const parts = [
    t(`badges.${leftTheBox ? "cloud" : "local"}.meaning`),
    ...used.map(([does, engine]) => t(`engines.${does}`, { name: engine })),
    ...(seconds ? [t("turn.after", { seconds })] : []),
  ];
  return <p className="about">{parts.join(" · ")}</p>;
}
