/** For a tablet on the wall: a large clock, and what the appliance is doing. */

import "./wall.css";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useEar, useTranscript, useUiState } from "../../call/hooks";
import { canHangUp, statusOf } from "../../call/state";
import { heardText } from "../../call/transcript";
import { Button } from "../../design/button";

export default function WallPage(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const [state, ear] = [useUiState(), useEar()];
  const last = useTranscript().entries.at(-1);
  return (
    <main className="wall">
      <Clock />
      <p className="state" role="status">
        {t(`state.${statusOf(state, ear)}`)}
      </p>
      <p className="last">{last ? heardText(last) : ""}</p>
      {!canHangUp(state) && (
        <Button kind="primary" onClick={() => void call.start()}>
          {t("controls.connect")}
        </Button>
      )}
    </main>
  );
}

function Clock(): ReactNode {
  const { t, i18n } = useTranslation("wall");
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <header>
      <h1 className="sr-only">{t("title")}</h1>
      <time className="clock" dateTime={now.toISOString()}>
        {now.toLocaleTimeString(i18n.language, { timeStyle: "short" })}
      </time>
      <p className="date">{now.toLocaleDateString(i18n.language, { dateStyle: "full" })}</p>
    </header>
  );
}
