/** The log of the conversation; only what is near the view is in the document. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useTranscript } from "../../call/hooks";
import type { Entry } from "../../call/transcript";
import { LogEntry } from "./entry";

/** An entry of two lines; the true height is measured. */
const GUESS_PX = 84;

/** Whoever has scrolled back by more than this reads, and is left alone. */
const AT_THE_END_PX = 80;

export function Log(): ReactNode {
  const { entries } = useTranscript();
  const log = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => log.current,
    estimateSize: () => GUESS_PX,
    getItemKey: useKeys(entries),
    overscan: 6,
  });
  useFollow(log, entries);
  return (
    <div ref={log} className="scroll" id="log" role="log" aria-live="off" aria-labelledby="talk-title" tabIndex={0}>
      {entries.length === 0 && <Hints />}
      <div className="rows" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ key, index, start }) => {
          const entry = entries[index];
          return (
            entry && (
              <div
                key={key}
                ref={rows.measureElement}
                data-index={index}
                className="log-row"
                style={{ transform: `translateY(${start}px)` }}
              >
                <LogEntry entry={entry} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

/**
 * The same function while the log only grows: with another one, all places are computed anew, which
 * takes the longer the more was said.
 */
function useKeys(entries: readonly Entry[]): (at: number) => number {
  const now = useRef(entries);
  now.current = entries;
  const first = entries[0]?.id;
  // Another first entry is another conversation.
  return useCallback((at: number) => now.current[at]?.id ?? at, [first]);
}

/** Keeps the newest words in view. */
function useFollow(element: RefObject<HTMLElement | null>, entries: unknown): void {
  const follows = useRef(true);
  useEffect(() => {
    const log = element.current;
    if (!log) return;
    const follow = (): void => {
      if (follows.current) log.scrollTop = log.scrollHeight;
    };
    const scrolled = (): void => {
      follows.current = log.scrollHeight - log.scrollTop - log.clientHeight < AT_THE_END_PX;
    };
    log.addEventListener("scroll", scrolled);
    // A phone that is turned, a keyboard that comes up, an entry that grows.
    const watch = new ResizeObserver(follow);
    watch.observe(log);
    if (log.lastElementChild) watch.observe(log.lastElementChild);
    return () => {
      log.removeEventListener("scroll", scrolled);
      watch.disconnect();
    };
  }, [element]);
  useLayoutEffect(() => {
    const log = element.current;
    if (log && follows.current) log.scrollTop = log.scrollHeight;
  }, [element, entries]);
}

function Hints(): ReactNode {
  const { t } = useTranslation("talk");
  return (
    <div id="empty" className="empty">
      <p>{t("hints.title")}</p>
      <ul>
        <li>{t("hints.time")}</li>
        <li>{t("hints.timer")}</li>
        <li>{t("hints.abilities")}</li>
      </ul>
    </div>
  );
}
