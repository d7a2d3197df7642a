import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState } from "../../call/hooks";
import { countdown, type Timer } from "../../call/timers";
import { Button } from "../../design/button";

const TICK_MS = 250;

/** Running timers, and those that rang, as large as the date. */
export function WallTimers(): ReactNode {
  const { t } = useTranslation("talk");
  const timers = useCallState((state) => state.timers);
  if (timers.length === 0) return null;
  return (
    <ul className="wall-timers" role="list" aria-label={t("timers.title")}>
      {timers.map((timer) => (
        <OneTimer key={timer.id} timer={timer} />
      ))}
    </ul>
  );
}

function OneTimer({ timer }: { timer: Timer }): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const name = timer.name || t("timers.unnamed");
  return (
    <li data-rang={timer.rang} {...(timer.rang ? { role: "alert" } : {})}>
      <span className="name" dir="auto">
        {name}
      </span>
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
