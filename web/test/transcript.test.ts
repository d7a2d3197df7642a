import { describe, expect, it } from "vitest";
import {
  charactersAt,
  EMPTY,
  heardText,
  reduce,
  segmentNumber,
  SPEECH_RATE,
  type SpokenStatus,
  type Transcript,
  type TranscriptEvent,
} from "../src/call/transcript";

function play(...events: TranscriptEvent[]): Transcript {
  return events.reduce((now, event, i) => reduce(now, event, i * 100), EMPTY);
}

const user = (text: string, final = true): TranscriptEvent => ({ type: "user", text, final });
const heard = (seconds: number): TranscriptEvent => ({ type: "heard", seconds });
const segment = (
  id: number,
  text: string,
  status: SpokenStatus,
  spoken: string | null = status === "completed" ? text : "",
  startsAt = 0,
): TranscriptEvent => ({ type: "segment", id, text, status, spoken, startsAt });

const lines = (now: Transcript): string[] => now.entries.map((entry) => `${entry.who}: ${heardText(entry)}`);
const LONG = "It is twenty past nine in the evening, and all is well.";

describe("what the user said", () => {
  it("is replaced while interim and kept when final", () => {
    const interim = play(user("what", false), user("what time", false));
    expect(interim.entries).toHaveLength(1);
    expect(interim.entries[0]).toMatchObject({ text: "", extra: "what time" });
    const final = reduce(interim, user("What time is it?"), 300);
    expect(final.entries[0]).toMatchObject({ text: "What time is it?", extra: "" });
  });

  it("joins the finals of one turn, and begins anew after a pause", () => {
    const once = play(user("Set a timer"), user("for tea."));
    expect(lines(once)).toEqual(["you: Set a timer for tea."]);
    expect(lines(reduce(once, user("And now?"), 60_000))).toHaveLength(2);
  });

  it("leaves no entry for silence", () => {
    expect(play(user(" "), user("", false))).toBe(EMPTY);
  });
});

describe("the answer", () => {
  it("appears word by word as its audio is heard", () => {
    const announced = play(user("hi"), segment(1, LONG, "new", "", 2));
    expect(lines(announced)[1]).toBe("assistant: ");
    expect(lines(reduce(announced, heard(2), 0))[1]).toBe("assistant: ");
    const partly = heardText(reduce(announced, heard(3), 0).entries[1]!);
    expect(LONG.startsWith(partly)).toBe(true);
    expect(partly.length).toBeGreaterThan(SPEECH_RATE - 3);
    expect(partly.length).toBeLessThan(SPEECH_RATE + 12);
    expect([" ", ","]).toContain(LONG[partly.length]);
  });

  it("follows the server's own word progress where there is one, and never goes back", () => {
    const now = play(segment(1, LONG, "new"), segment(1, LONG, "in-progress", "It is twenty past"), heard(0.2));
    expect(lines(now)).toEqual(["assistant: It is twenty past"]);
    expect(lines(reduce(now, segment(1, LONG, "in-progress", "It is"), 0))).toEqual(["assistant: It is twenty past"]);
  });

  it("is whole once the server says that it was spoken", () => {
    const now = play(segment(1, LONG, "new"), segment(1, LONG, "completed"), segment(2, "Anything else?", "completed"));
    expect(lines(now)).toEqual([`assistant: ${LONG} Anything else?`]);
  });

  it("goes on in one entry after a short pause, in another after a long one", () => {
    const first = play(segment(1, "One.", "completed"), { type: "silent" });
    expect(first.entries[0]?.state).toBe("done");
    expect(lines(reduce(first, segment(2, "Two.", "completed"), 1000))).toEqual(["assistant: One. Two."]);
    expect(lines(reduce(first, segment(2, "Two.", "completed"), 60_000))).toHaveLength(2);
  });

  it("shows text that is not spoken at once", () => {
    expect(lines(play({ type: "shown", id: 1, text: "print(1)" }))).toEqual(["assistant: print(1)"]);
  });
});

describe("a barge-in", () => {
  it("keeps what was heard, and late reports bring nothing back", () => {
    const cut = play(segment(1, LONG, "new"), heard(1), { type: "interrupted" }, segment(1, LONG, "completed"), heard(9));
    expect(cut.entries[0]?.state).toBe("interrupted");
    expect(heardText(cut.entries[0]!)).toBe(LONG.slice(0, charactersAt(LONG, 1)));
  });

  it("removes an answer of which nothing was heard", () => {
    expect(lines(play(user("hi"), segment(1, LONG, "new"), { type: "interrupted" }))).toEqual(["you: hi"]);
  });

  it("leaves an answer that was heard to its end alone", () => {
    const now = play(segment(1, "Done.", "completed"), { type: "interrupted" });
    expect(now.entries[0]).toMatchObject({ state: "done" });
  });

  it("is nothing when nobody speaks", () => {
    const now = play(user("hi"));
    expect(reduce(now, { type: "interrupted" }, 0)).toBe(now);
  });

  it("is no matter of a later session, which counts its segments anew", () => {
    const said = (session: number, words: string, status: SpokenStatus) => segment(segmentNumber(session, 1), words, status);
    const now = play(said(1, LONG, "new"), heard(1), { type: "interrupted" }, user("And?"), said(2, "Noon.", "completed"));
    expect(lines(now).at(-1)).toBe("assistant: Noon.");
    expect(now.entries).toHaveLength(3);
  });

  it("gives the next answer an entry of its own", () => {
    const now = play(segment(1, LONG, "new"), heard(1), { type: "interrupted" }, user("Stop."), segment(2, "Yes.", "completed"));
    expect(now.entries.map((entry) => entry.who)).toEqual(["assistant", "you", "assistant"]);
  });
});

it("changes nothing, not even the object, when nothing moved", () => {
  const now = play(segment(1, "Short.", "completed"));
  expect(reduce(now, heard(99), 0)).toBe(now);
});

it("puts a notice where it happened", () => {
  const now = play(user("hi"), { type: "notice", text: "Slow.", advice: "Wait." });
  expect(now.entries[1]).toMatchObject({ who: "notice", text: "Slow.", extra: "Wait.", state: "done" });
});
