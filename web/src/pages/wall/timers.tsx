import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTimerName } from "../../app/timer-name";
import { Button } from "../../design/button";
import { useToaster } from "../../design/toast";
import { endTimer, timersQuery, type Timer } from "../../server/timers";
import { Left } from "../timers/left";

/** Running timers, and those that rang, as large as the date. */
export function WallTimers(): ReactNode {
  const { t } = useTranslation("timers");
  const timers = useQuery(timersQuery).data ?? [];
  if (timers.length === 0) return null;
  return (
    <ul className="wall-timers" role="list" aria-label={t("title")}>
      {timers.map((timer) => (
        <OneTimer key={timer.id} timer={timer} />
      ))}
    </ul>
  );
}

function OneTimer({ timer }: { timer: Timer }): ReactNode {
  const { t } = useTranslation("timers");
  const toaster = useToaster();
  const name = useTimerName()(timer);
  const rang = timer.state === "rang";
  return (
    <li data-rang={rang}>
      <span className="name" dir="auto">
        {name}
      </span>
      <span className="left">
        <Left timer={timer} />
      </span>
      {rang && (
        <Button aria-label={t("stopNamed", { name })} onClick={() => void endTimer(timer.id).catch(toaster.fail)}>
          {t("stop")}
        </Button>
      )}
    </li>
  );
}
