import "./debug.css";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Measures } from "../../call/call";
import type { Happening } from "../../call/diagnostics";
import { useCall } from "../../call/hooks";
import { Button } from "../../design/button";
import { figures, line } from "./figures";
import { useRoundTrip } from "./round-trip";

const EVERY_MS = 500;

/** As many events as are worth scrolling through. */
const EVENTS = 100;

interface Seen {
  now: Measures;
  before: Measures;
  events: readonly Happening[];
}

export default function Panel({ onHide }: { onHide: () => void }): ReactNode {
  const { t, i18n } = useTranslation("debug");
  const seen = useSeen();
  const roundTrip = useRoundTrip();
  const shown = figures(seen.now, seen.before, EVERY_MS / 1000, i18n.language);
  return (
    <aside className="debug" aria-labelledby="debug-title">
      <div className="row spread">
        <h2 id="debug-title">{t("title")}</h2>
        <Button onClick={onHide}>{t("hide")}</Button>
      </div>
      <dl>
        <div>
          <dt>{t("roundTrip")}</dt>
          <dd>{roundTrip === null ? t("away") : `${roundTrip} ms`}</dd>
        </div>
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3 id="debug-events">{t("events")}</h3>
      {seen.events.length === 0 && <p>{t("none")}</p>}
      {/* To be scrolled by keys, too. */}
      <ol role="list" aria-labelledby="debug-events" tabIndex={0}>
        {seen.events.map((event, at) => (
          <li key={`${event.at} ${at}`}>{line(event)}</li>
        ))}
      </ol>
    </aside>
  );
}

function useSeen(): Seen {
  const call = useCall();
  const [seen, setSeen] = useState<Seen>(() => ({ now: call.measures(), before: call.measures(), events: [] }));
  useEffect(() => {
    const timer = setInterval(() => {
      const events = window.__appliance?.events.slice(-EVENTS).reverse() ?? [];
      setSeen(({ now }) => ({ now: call.measures(), before: now, events }));
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [call]);
  return seen;
}
