/**
 * The transcript as entries of a log. Pure: events in, a new transcript out (the same object when
 * nothing changed). The answer appears as it is heard, not as it is generated: a segment is
 * announced when its audio begins, and its words are shown at the pace at which audio is played,
 * unless the server reports its progress word by word, which then decides.
 */

/** Characters per second of English speech at speed 1; Kokoro and eSpeak both measure 14 to 16. */
export const SPEECH_RATE = 15;

/** An utterance or an answer goes on in the same entry after a pause shorter than this, in ms. */
const SAME_TURN = 4000;

export interface Segment {
  id: number;
  text: string;
  /** How many characters of `text` have been heard. */
  heard: number;
  /** Second of played audio at which it begins; null once the server reports or completes it. */
  startsAt: number | null;
}

export interface Entry {
  id: number;
  who: "you" | "assistant" | "notice";
  /** Final text; for notices the message. */
  text: string;
  /** Words that may still change (interim), or the advice of a notice. */
  extra: string;
  segments: Segment[];
  state: "open" | "done" | "interrupted";
  /** ms at which it was last added to. */
  at: number;
  /** Of a typed text that is not known to have arrived. */
  pending?: string;
  answered?: Answered;
}

/** How an answer came about. */
export interface Answered {
  engines: Readonly<Record<string, string>>;
  leftTheBox: boolean;
  /** Seconds from the end of what was said to the first sound; null where it was not measured. */
  after: number | null;
}

export interface Transcript {
  entries: Entry[];
  nextId: number;
  /** Segments that a barge-in cut off; late reports about them are ignored. */
  cut: ReadonlySet<number>;
}

export type SpokenStatus = "new" | "in-progress" | "completed";

export type TranscriptEvent =
  | { type: "user"; text: string; final: boolean }
  | { type: "segment"; id: number; text: string; status: SpokenStatus; spoken: string | null; startsAt: number }
  | { type: "shown"; id: number; text: string }
  | { type: "heard"; seconds: number }
  | { type: "interrupted" }
  | { type: "silent" }
  | { type: "notice"; text: string; advice: string }
  | { type: "typed"; text: string; id: string }
  | { type: "delivered"; id: string }
  | { type: "answered"; answered: Answered };

/** Segments are numbered by each session for itself; more than any session has. */
const SEGMENTS = 2 ** 32;

/** The number by which a segment is known over all sessions of a page. */
export function segmentNumber(session: number, id: number): number {
  return session * SEGMENTS + id;
}

/** What is kept of a turn, as far as the log shows it. */
export interface KeptTurn {
  said: string;
  answer: string;
  /** Seconds since the epoch. */
  startedAt: number;
  engines: Readonly<Record<string, string>>;
  leftTheBox: boolean;
}

/** The log of a conversation that is kept, to go on below it. */
export function remembered(turns: readonly KeptTurn[]): Transcript {
  const entries = turns.flatMap(({ said, answer, startedAt, engines, leftTheBox }) => {
    const common = { extra: "", state: "done", at: startedAt * 1000 } as const;
    const answered = { engines, leftTheBox, after: null };
    const whole = { id: 0, text: answer, heard: answer.length, startsAt: null };
    return [
      ...(said ? [{ ...common, who: "you", text: said, segments: [] } as const] : []),
      ...(answer ? [{ ...common, who: "assistant", text: "", segments: [whole], answered } as const] : []),
    ];
  });
  // Negative: the ids of segments and entries of a session that follows are its own.
  return {
    ...EMPTY,
    entries: entries.map((entry, at) => ({
      ...entry,
      id: at - entries.length,
      segments: entry.segments.map((segment) => ({ ...segment, id: at - entries.length - SEGMENTS })),
    })),
  };
}

export const EMPTY: Transcript = { entries: [], nextId: 1, cut: new Set() };

/** The text of an answer that has been heard so far. */
export function heardText(entry: Entry): string {
  if (entry.who !== "assistant") return entry.text;
  return joinSegments(entry.segments.map((segment) => segment.text.slice(0, segment.heard)));
}

/** The model's own spaces and lines stand in the segments; where a segment has none, a space parts them. */
function joinSegments(parts: string[]): string {
  const joined = parts.reduce((text, part) => text + (/\S$/.test(text) && /^\S/.test(part) ? " " : "") + part, "");
  return joined.trim();
}

function join(parts: string[]): string {
  return parts.map((part) => part.trim()).filter(Boolean).join(" ");
}

/** Characters of `text` heard after `seconds`, up to the end of the word being said. */
export function charactersAt(text: string, seconds: number): number {
  if (seconds <= 0) return 0;
  const reached = Math.floor(seconds * SPEECH_RATE) + 1;
  if (reached >= text.length) return text.length;
  const end = text.slice(reached).search(/\s/);
  return end < 0 ? text.length : reached + end;
}

export function reduce(now: Transcript, event: TranscriptEvent, at: number): Transcript {
  switch (event.type) {
    case "user":
      return hearUser(now, event.text.trim(), event.final, at);
    case "segment":
      return now.cut.has(event.id) ? now : updateSegment(now, event, at);
    case "shown":
      return putSegment(now, { id: event.id, text: event.text, heard: event.text.length, startsAt: null }, at);
    case "heard":
      return advance(now, event.seconds);
    case "interrupted":
      return interrupt(now);
    case "silent":
      return closeAnswer(now);
    case "typed":
      return append(
        settleUser(now),
        { who: "you", text: event.text, extra: "", segments: [], state: "done", pending: event.id },
        at,
      );
    case "delivered":
      return deliver(now, event.id);
    case "answered":
      return describeAnswer(now, event.answered);
    case "notice":
      return append(now, { who: "notice", text: event.text, extra: event.advice, segments: [], state: "done" }, at);
  }
}

function append(now: Transcript, entry: Omit<Entry, "id" | "at">, at: number): Transcript {
  const entries = [...now.entries, { ...entry, id: now.nextId, at }];
  return { ...now, entries, nextId: now.nextId + 1 };
}

function replaceLast(now: Transcript, entry: Entry): Transcript {
  return { ...now, entries: [...now.entries.slice(0, -1), entry] };
}

function hearUser(now: Transcript, said: string, final: boolean, at: number): Transcript {
  const last = now.entries.at(-1);
  const continues = last?.who === "you" && last.state === "open" && (last.extra || at - last.at < SAME_TURN);
  if (!said && !continues) return now;
  const text = final ? said : "";
  const extra = final ? "" : said;
  if (!continues) return append(now, { who: "you", text, extra, segments: [], state: "open" }, at);
  return replaceLast(now, { ...last, text: join([last.text, text]), extra, at });
}

type SegmentEvent = Extract<TranscriptEvent, { type: "segment" }>;

function heardIn(event: SegmentEvent): number {
  if (event.status === "completed") return event.text.length;
  return event.spoken === null ? 0 : Math.min(event.spoken.length, event.text.length);
}

function updateSegment(now: Transcript, event: SegmentEvent, at: number): Transcript {
  const paced = event.status === "new";
  return putSegment(
    now,
    { id: event.id, text: event.text, heard: heardIn(event), startsAt: paced ? event.startsAt : null },
    at,
  );
}

/** Replaces the segment of the same id, or appends it to the current answer. */
function putSegment(now: Transcript, segment: Segment, at: number): Transcript {
  const index = now.entries.findLastIndex((entry) => entry.segments.some((s) => s.id === segment.id));
  const entry = now.entries[index];
  if (entry) return { ...now, entries: now.entries.with(index, changed(entry, segment, at)) };
  const last = now.entries.at(-1);
  const goesOn = last?.who === "assistant" && (last.state === "open" || (last.state === "done" && at - last.at < SAME_TURN));
  if (goesOn) return replaceLast(now, { ...last, state: "open", at, segments: [...last.segments, segment] });
  const settled = settleUser(now);
  return append(settled, { who: "assistant", text: "", extra: "", segments: [segment], state: "open" }, at);
}

function changed(entry: Entry, segment: Segment, at: number): Entry {
  // What was heard stays heard: a report that lags behind the estimate takes nothing back.
  const merge = (old: Segment): Segment =>
    old.id === segment.id ? { ...segment, heard: Math.max(old.heard, segment.heard) } : old;
  return { ...entry, at, segments: entry.segments.map(merge) };
}

function deliver(now: Transcript, id: string): Transcript {
  const index = now.entries.findLastIndex((entry) => entry.pending === id);
  const entry = now.entries[index];
  if (!entry) return now;
  const { pending: _, ...arrived } = entry;
  return { ...now, entries: now.entries.with(index, arrived) };
}

function describeAnswer(now: Transcript, answered: Answered): Transcript {
  const last = now.entries.at(-1);
  return last?.who === "assistant" && !last.answered ? replaceLast(now, { ...last, answered }) : now;
}

function settleUser(now: Transcript): Transcript {
  const last = now.entries.at(-1);
  return last?.who === "you" && last.state === "open" ? replaceLast(now, { ...last, state: "done" }) : now;
}

function advance(now: Transcript, seconds: number): Transcript {
  const last = now.entries.at(-1);
  if (last?.who !== "assistant" || last.state !== "open") return now;
  let moved = false;
  const segments = last.segments.map((segment) => {
    if (segment.startsAt === null) return segment;
    const heard = charactersAt(segment.text, seconds - segment.startsAt);
    if (heard <= segment.heard) return segment;
    moved = true;
    return { ...segment, heard };
  });
  return moved ? replaceLast(now, { ...last, segments }) : now;
}

function interrupt(now: Transcript): Transcript {
  const index = now.entries.findLastIndex((entry) => entry.who === "assistant" && entry.state === "open");
  const entry = now.entries[index];
  if (!entry) return now;
  const unheard = entry.segments.filter((segment) => segment.heard < segment.text.length);
  if (unheard.length === 0) return { ...now, entries: now.entries.with(index, { ...entry, state: "done" }) };
  const cut = new Set([...now.cut, ...unheard.map((segment) => segment.id)]);
  const segments = entry.segments.map((s) => ({ ...s, text: s.text.slice(0, s.heard), startsAt: null }));
  const stopped: Entry = { ...entry, segments, state: "interrupted" };
  const entries = heardText(stopped) ? now.entries.with(index, stopped) : now.entries.toSpliced(index, 1);
  return { ...now, entries, cut };
}

function closeAnswer(now: Transcript): Transcript {
  const last = now.entries.at(-1);
  if (last?.who !== "assistant" || last.state !== "open") return now;
  return replaceLast(now, { ...last, state: "done" });
}
