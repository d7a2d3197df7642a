import { useTranslation } from "react-i18next";
import { clockWords, type Timer } from "../server/timers";

/** The name of a timer, or its length where it has none. */
export function useTimerName(): (timer: Timer) => string {
  const { t } = useTranslation("timers");
  return ({ name, seconds }) => name || t("unnamed", { length: clockWords(seconds) });
}
