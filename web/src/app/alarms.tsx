/** The alarms that ring, above every page: in sight, and heard where no session sounds them. */

import "./alarms.css";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Chime } from "../audio/chime";
import { useUiState } from "../call/hooks";
import { isLive } from "../call/state";
import { Button } from "../design/button";
import { Icon } from "../design/icon";
import { useToaster } from "../design/toast";
import { endTimer, timersQuery } from "../server/timers";
import { useTimerName } from "./timer-name";

export function Alarms(): ReactNode {
  const { t } = useTranslation("timers");
  const timers = useQuery(timersQuery).data ?? [];
  const ringing = timers.filter(({ state }) => state === "rang");
  const inCall = isLive(useUiState());
  const { blocked, unlock } = useChime(timers.length > 0, ringing.length > 0 && !inCall);
  const name = useTimerName();
  const toaster = useToaster();
  if (ringing.length === 0) return null;
  return (
    <section className="alarms" role="alert" aria-label={t("ringing")}>
      {ringing.map((timer) => (
        <div key={timer.id} className="alarm">
          <Icon name="timer" />
          <p>{t("isDone", { name: name(timer) })}</p>
          <Button kind="primary" icon="stop" onClick={() => void endTimer(timer.id).catch(toaster.fail)}>
            {t("stop")}
          </Button>
        </div>
      ))}
      {blocked && (
        <div className="alarm">
          <p>{t("silent")}</p>
          <Button icon="speaker" onClick={unlock}>
            {t("allowSound")}
          </Button>
        </div>
      )}
    </section>
  );
}

/** Sounds while `ringing`. While it is `awaited`, the next touch of the page allows that. */
function useChime(awaited: boolean, ringing: boolean): { blocked: boolean; unlock: () => void } {
  const [chime] = useState(() => new Chime());
  const blocked = useSyncExternalStore(chime.blocked.subscribe, chime.blocked.get);
  useEffect(() => {
    if (!awaited) return;
    const unlock = (): void => chime.unlock();
    const once = { once: true, capture: true };
    addEventListener("pointerdown", unlock, once);
    addEventListener("keydown", unlock, once);
    return () => {
      removeEventListener("pointerdown", unlock, once);
      removeEventListener("keydown", unlock, once);
    };
  }, [chime, awaited]);
  useEffect(() => {
    if (ringing) chime.start();
    return () => chime.stop();
  }, [chime, ringing]);
  return { blocked, unlock: () => chime.unlock() };
}
