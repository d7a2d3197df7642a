import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState } from "../../call/hooks";
import { countdown, type Timer } from "../../call/timers";
import { Button } from "../../design/button";

/** Fine enough that a second is never shown twice as long as another. */
const TICK_MS = 250;

export function Timers(): ReactNode {
  const { t } = useTranslation("talk");
  const timers = useCallState((state) => state.timers);
  if (timers.length === 0) return null;
  return (
    <section id="timers" className="timers" aria-labelledby="timers-title">
      <h2 id="timers-title">{t("timers.title")}</h2>
      <ul id="timer-list" className="list" role="list">
        {timers.map((timer) => (
          <OneTimer key={timer.id} timer={timer} />
        ))}
      </ul>
    </section>
  );
}

function OneTimer({ timer }: { timer: Timer }): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const name = timer.name || t("timers.unnamed");
  // An alert is spoken when it is put in; the countdown beside it never is.
  return (
    <li className={timer.rang ? "timer rang" : "timer"} {...(timer.rang ? { role: "alert" } : {})}>
      <span className="name">{name}</span>
      <span className="left">{timer.rang ? t("timers.up") : <Left due={timer.due} />}</span>
      {timer.rang && (
        <Button aria-label={t("timers.dismissNamed", { name })} onClick={() => call.dismissTimer(timer.id)}>
          {t("timers.dismiss")}
        </Button>
      )}
    </li>
  );
}

function Left({ due }: { due: number }): ReactNode {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return countdown(due, now / 1000);
}
