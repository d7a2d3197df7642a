/**
 * What one more word costs the log, by the number of turns above it: the time of the reducer, of
 * React and of the layout, in one frame. `tests/e2e/measure_log.py` opens it and reads
 * `window.__measured`.
 */

import "../src/design/design.css";
import "../src/pages/talk/log.css";
import "../src/pages/talk/talk.css";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { Providers, makeQueryClient } from "../src/app/providers";
import { Call } from "../src/call/call";
import { reduce, remembered, type KeptTurn, type Transcript } from "../src/call/transcript";
import { startLanguages } from "../src/i18n";
import { Log } from "../src/pages/talk/log";

const WORDS = 300;
const WARM_UP = 30;
const SENTENCE = "The sea covers **71 %** of the planet, and nobody has seen more than a little of its floor. ";

declare global {
  interface Window {
    __measured?: { turns: number; p50: number; p95: number; nodes: number; heap: number }[];
    gc?: () => void;
  }
}

const turnsOf = (count: number): KeptTurn[] =>
  Array.from({ length: count }, (_, at) => ({
    said: `question ${at}`,
    answer: SENTENCE.repeat(1 + (at % 5)),
    startedAt: at,
    engines: {},
    leftTheBox: false,
  }));

const frame = (): Promise<number> => new Promise((done) => requestAnimationFrame(done));

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}

/** Bytes of JavaScript in use, which only Chromium tells, and only with the flags that the measurement starts it with. */
function heap(): number {
  window.gc?.();
  return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
}

/** The next word of an answer, as the appliance reports it. */
function speak(transcript: Transcript, word: number): Transcript {
  const text = SENTENCE.repeat(20);
  const spoken = text.slice(0, word * 6);
  return reduce(transcript, { type: "segment", id: 1, text, status: "in-progress", spoken, startsAt: 0 }, Date.now());
}

async function measure(call: Call, turns: number): Promise<void> {
  let transcript = remembered(turnsOf(turns));
  call.transcript.set(transcript);
  for (let at = 0; at < 10; at++) await frame();
  const log = document.getElementById("log");
  if (!log) throw new Error("there is no log");
  const times: number[] = [];
  for (let word = 1; word <= WORDS; word++) {
    await frame();
    const start = performance.now();
    transcript = speak(transcript, word);
    flushSync(() => call.transcript.set(transcript));
    log.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  const kept = times.slice(WARM_UP);
  window.__measured = [
    ...(window.__measured ?? []),
    { turns, p50: percentile(kept, 0.5), p95: percentile(kept, 0.95), nodes: document.querySelectorAll("#log *").length, heap: heap() },
  ];
}

async function begin(): Promise<void> {
  localStorage.setItem("language", "en");
  await startLanguages();
  const call = new Call(true, async () => null, () => undefined);
  // Without the frame between: a word is measured where it is written.
  Object.assign(call.transcript, { notify: (tell: () => void) => tell() });
  createRoot(document.getElementById("app")!).render(
    <Providers call={call} queries={makeQueryClient()}>
      <div className="talk-page">
        <section className="talk" style={{ height: 600 }}>
          <Log />
        </section>
      </div>
    </Providers>,
  );
  while (!document.getElementById("log")) await frame();
  for (const turns of [10, 1000, 10_000, 10, 10_000]) await measure(call, turns);
  document.title = "measured";
}

void begin();
