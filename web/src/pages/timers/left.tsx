import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { clockWords, secondsLeft, type Timer } from "../../server/timers";

/** Fine enough that a second is never shown twice as long as another. */
const TICK_MS = 250;

/** What is left of a timer, or that its time is up. */
export function Left({ timer }: { timer: Timer }): ReactNode {
  const { t } = useTranslation("timers");
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(tick);
  }, []);
  if (timer.state === "rang") return t("up");
  if (timer.state === "missed") return t("missed", { length: clockWords((now - timer.endsAt) / 1000) });
  return clockWords(secondsLeft(timer, now));
}
