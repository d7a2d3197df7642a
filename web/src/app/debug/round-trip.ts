import { useEffect, useState } from "react";
import { PATHS } from "../../server/messages";

const EVERY_MS = 2000;

/** An answer that takes longer counts as none. */
const TOO_LONG_MS = 5000;

/** Milliseconds of the smallest request and its answer, nginx and daemon included; null without one. */
export function useRoundTrip(): number | null {
  const [milliseconds, setMilliseconds] = useState<number | null>(null);
  useEffect(() => {
    const over = new AbortController();
    const measure = async (): Promise<void> => {
      const begun = performance.now();
      const signal = AbortSignal.any([over.signal, AbortSignal.timeout(TOO_LONG_MS)]);
      const answer = await fetch(PATHS.ping, { cache: "no-store", signal }).catch(() => null);
      if (!over.signal.aborted) setMilliseconds(answer?.ok ? Math.round(performance.now() - begun) : null);
    };
    void measure();
    const timer = setInterval(() => void measure(), EVERY_MS);
    return () => {
      over.abort();
      clearInterval(timer);
    };
  }, []);
  return milliseconds;
}
