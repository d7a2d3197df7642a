import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useUiState } from "../../call/hooks";
import { canHangUp } from "../../call/state";
import { Icon } from "../../design/icon";

/** As long as the appliance takes it. */
const LONGEST = 2000;

export function Composer(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const [words, setWords] = useState("");
  // What is typed while the connection is away waits for it. The field is never disabled: a connection
  // that comes and goes must not take the focus.
  const live = canHangUp(useUiState());
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const text = words.trim();
    if (!text || !live) return;
    setWords("");
    call.send(text);
  };
  return (
    <form id="composer" className="composer" autoComplete="off" aria-label={t("composer.label")} onSubmit={submit}>
      <label className="sr-only" htmlFor="message">
        {t("composer.message")}
      </label>
      <input
        id="message"
        name="message"
        maxLength={LONGEST}
        enterKeyHint="send"
        placeholder={t(live ? "composer.type" : "composer.connectFirst")}
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      <button id="send" className="button primary" type="submit" disabled={!live}>
        <Icon name="send" />
        <span className="label">{t("composer.send")}</span>
      </button>
    </form>
  );
}
