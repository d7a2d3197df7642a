import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

const MINUTE_MS = 60_000;

/** Hours and minutes as the language writes them; "AM" is a part of its own. */
function timeParts(now: Date, language: string): Intl.DateTimeFormatPart[] {
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).formatToParts(now);
}

/** Renews itself as the minute changes; a clock that is set, or a page that slept, is right within one. */
export function Clock(): ReactNode {
  const { i18n } = useTranslation();
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setTimeout(() => setNow(new Date()), MINUTE_MS - (Date.now() % MINUTE_MS));
    const shown = (): void => setNow(new Date());
    document.addEventListener("visibilitychange", shown);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [now]);
  return (
    <div className="clock">
      <time className="time" dateTime={now.toISOString()}>
        {timeParts(now, i18n.language).map(({ type, value }, at) => (
          <span key={at} className={type === "dayPeriod" || !value.trim() ? "half" : ""}>
            {value}
          </span>
        ))}
      </time>
      <p className="date">{now.toLocaleDateString(i18n.language, { weekday: "long", day: "numeric", month: "long" })}</p>
    </div>
  );
}
