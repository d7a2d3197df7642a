import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Microphone } from "../src/audio/microphone";
import type { Speaker } from "../src/audio/speaker";
import { Conversation, type Connection } from "../src/call/conversation";
import { Trouble } from "../src/server/failures";
import type { SessionEvent } from "../src/call/session";
import { AT_REST, uiState, type Facts } from "../src/call/state";

/** Stands where the network begins: what the page opened, said and was told. */
class FakeSession implements Connection {
  static opened: FakeSession[] = [];
  static openings: (() => Promise<void>)[] = [];
  closed = false;
  sent: string[] = [];
  ids: string[] = [];
  stops = 0;
  /** Whether texts arrive. */
  static reached = true;
  address = "";
  constructor(readonly emit: (event: SessionEvent) => void) {
    FakeSession.opened.push(this);
  }
  async open(address: string): Promise<void> {
    this.address = address;
    await (FakeSession.openings.shift() ?? (async () => this.emit({ type: "state", state: "ready" })))();
  }
  async send(text: string, id: string): Promise<void> {
    this.sent.push(text);
    this.ids.push(id);
    if (!FakeSession.reached) await new Promise(() => undefined);
  }
  stop(): void {
    this.stops++;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

interface Answer {
  status: number;
  body: unknown;
}
const OFFER: Answer = { status: 201, body: { session_id: "s", conversation_id: "c1", ws_url: "/ws/s?token=t" } };
const error = (status: number, code: string): Answer => ({ status, body: { error: { code, message: "m", advice: "a" } } });

let answers: (Answer | Error)[];
let asked: unknown[];
let requested: string[];
let facts: Facts;
let flushes: number;
let micOpen: boolean;
let places: string[];
let arrived: string[];
let conversation: Conversation;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("location", { href: "https://box.local/" });
  [answers, asked, requested, facts, flushes, micOpen] = [[], [], [], AT_REST, 0, false];
  FakeSession.opened = [];
  FakeSession.openings = [];
  FakeSession.reached = true;
  [places, arrived] = [[], []];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    requested.push(path);
    if (init.body) asked.push(JSON.parse(String(init.body)));
    const answer = answers.shift() ?? OFFER;
    if (answer instanceof Error) throw answer;
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
  const speaker = { open: async () => undefined, wake: async () => undefined, flush: () => flushes++ };
  const microphone = {
    open: async () => ((micOpen = true), "on"),
    close: async () => void (micOpen = false),
  };
  conversation = new Conversation(
    (emit) => new FakeSession(emit),
    microphone as unknown as Microphone,
    speaker as unknown as Speaker,
    {
      facts: (now) => void (facts = now),
      mic: () => undefined,
      session: () => undefined,
      place: (id) => places.push(id),
      delivered: (id) => arrived.push(id),
    },
  );
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const session = (): FakeSession => FakeSession.opened.at(-1)!;
const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("a conversation", () => {
  it("opens the socket it was offered", async () => {
    await conversation.start();
    expect(uiState(facts)).toBe("listening");
    expect(session().address).toBe("wss://box.local/ws/s?token=t");
    expect(asked).toEqual([{}]);
  });

  it("comes back into the same conversation, ever more slowly while nobody answers", async () => {
    await conversation.start();
    answers = [new TypeError("failed to fetch"), error(503, "not_ready")];
    session().emit({ type: "lost", code: 1006, reason: "" });
    expect(uiState(facts)).toBe("waiting");
    expect(FakeSession.opened[0]?.closed).toBe(true);
    await passed(700);
    expect(facts.failure?.kind).toBe("server_down");
    expect(facts.retry?.attempt).toBe(2);
    await passed(1300);
    expect(facts.failure?.kind).toBe("loading");
    await passed(4000);
    expect(uiState(facts)).toBe("listening");
    expect(facts).toMatchObject({ failure: null, retry: null });
    expect(asked.slice(1)).toEqual([{ conversation_id: "c1" }, { conversation_id: "c1" }, { conversation_id: "c1" }]);
  });

  it("says that the certificate is not trusted where https works and only the socket does not", async () => {
    FakeSession.openings = [
      async () => {
        session().emit({ type: "lost", code: 1006, reason: "" });
        throw new Trouble({ from: "network" });
      },
    ];
    answers = [OFFER, error(400, "bad_request")];
    await conversation.start();
    await passed(0);
    expect(facts.failure).toMatchObject({ kind: "untrusted", link: "/trust.html" });
    expect(requested.at(-1)).toBe("/ws/s");
    await passed(2000);
    expect(uiState(facts)).toBe("listening");
    expect(facts.failure).toBeNull();
  });

  it.each([
    ["too many sockets", error(429, "too_many_requests")],
    ["an appliance that is away", { status: 502, body: "starting" }],
    ["a network that is away", new TypeError("failed to fetch")],
  ])("does not blame the certificate for %s", async (_, answer) => {
    FakeSession.openings = [
      async () => {
        throw new Trouble({ from: "network" });
      },
    ];
    answers = [OFFER, answer];
    await conversation.start();
    await passed(0);
    expect(facts.failure?.kind).toBe("server_down");
  });

  it("does not ask about the certificate when a conversation was already up", async () => {
    await conversation.start();
    session().emit({ type: "lost", code: 1006, reason: "" });
    await passed(0);
    expect(requested).toEqual(["/api/sessions"]);
  });

  it("counts a loss once, however often it is reported", async () => {
    await conversation.start();
    const first = session();
    first.emit({ type: "lost", code: 1006, reason: "" });
    first.emit({ type: "lost", code: 0, reason: "timed out" });
    expect(facts.retry?.attempt).toBe(1);
    FakeSession.openings = [
      async () => {
        session().emit({ type: "lost", code: 1006, reason: "" });
        throw new Trouble({ from: "network" });
      },
    ];
    await passed(700);
    expect(facts.retry?.attempt).toBe(2);
  });

  it("begins a new one when the old one was deleted", async () => {
    await conversation.start();
    answers = [error(404, "not_found")];
    session().emit({ type: "lost", code: 1001, reason: "" });
    await passed(700);
    expect(asked.slice(1)).toEqual([{ conversation_id: "c1" }, {}]);
    expect(uiState(facts)).toBe("listening");
  });

  it("stays away after an ended session and gives the microphone back", async () => {
    await conversation.start();
    session().emit({ type: "lost", code: 1000, reason: "Idle." });
    await passed(60_000);
    // An end like any other: nothing is wrong.
    expect([uiState(facts), facts.failure?.kind]).toEqual(["idle", "ended"]);
    expect(FakeSession.opened).toHaveLength(1);
    expect(micOpen).toBe(false);
  });

  it("asks to be paired instead of trying again", async () => {
    answers = [error(401, "not_paired")];
    await conversation.start();
    await passed(60_000);
    expect(uiState(facts)).toBe("unpaired");
    expect(asked).toHaveLength(1);
  });

  it("hangs up for good, also while an attempt is planned or under way", async () => {
    await conversation.start();
    session().emit({ type: "lost", code: 1006, reason: "" });
    await conversation.hangUp();
    await passed(60_000);
    expect(uiState(facts)).toBe("idle");
    expect(FakeSession.opened).toHaveLength(1);
    expect(micOpen).toBe(false);
  });

  it("silences the voice at once when the user speaks or the appliance says so", async () => {
    await conversation.start();
    session().emit({ type: "bot-started" });
    expect(uiState(facts)).toBe("speaking");
    session().emit({ type: "interrupted" });
    expect([flushes, facts.botSpeaking]).toEqual([1, false]);
    session().emit({ type: "user-started" });
    expect([flushes, uiState(facts)]).toEqual([2, "hearing"]);
  });

  it("thinks from the end of speech to the answer, and not for ever", async () => {
    await conversation.start();
    session().emit({ type: "user-stopped" });
    expect(uiState(facts)).toBe("thinking");
    session().emit({ type: "bot-started" });
    session().emit({ type: "bot-stopped" });
    expect(uiState(facts)).toBe("listening");
    conversation.send("stop");
    expect([uiState(facts), session().sent]).toEqual(["thinking", ["stop"]]);
    await passed(12_000);
    expect(uiState(facts)).toBe("listening");
  });

  it("forgets where it was when asked to", async () => {
    await conversation.start();
    await conversation.hangUp();
    conversation.forget();
    await conversation.start();
    expect(asked).toEqual([{}, {}]);
  });

  it("remembers where it is, and goes on in a conversation that is given to it", async () => {
    conversation.resume("c7");
    answers = [{ ...OFFER, body: { ...(OFFER.body as object), conversation_id: "c7" } }];
    await conversation.start();
    expect(asked).toEqual([{ conversation_id: "c7" }]);
    await conversation.hangUp();
    conversation.forget();
    expect(places).toEqual(["c7", "c7", ""]);
  });

  it("delivers what was typed while nobody answered once there is a session again, under the same id", async () => {
    await conversation.start();
    FakeSession.reached = false;
    const first = conversation.send("one");
    session().emit({ type: "lost", code: 0, reason: "", silent: true });
    expect(facts.failure?.kind).toBe("silent");
    const second = conversation.send("two");
    expect(arrived).toEqual([]);
    FakeSession.reached = true;
    await passed(700);
    expect([session().sent, session().ids]).toEqual([["one", "two"], [first, second]]);
    expect(arrived).toEqual([first, second]);
    session().emit({ type: "lost", code: 1006, reason: "" });
    await passed(700);
    expect(session().sent).toEqual([]);
  });

  it("tries at once when it is asked to, or the network is back", async () => {
    await conversation.start();
    answers = [new TypeError("failed to fetch"), new TypeError("failed to fetch")];
    session().emit({ type: "lost", code: 1006, reason: "" });
    await passed(2500);
    expect(facts.retry?.attempt).toBe(3);
    await conversation.tryNow();
    expect(uiState(facts)).toBe("listening");
    await passed(60_000);
    expect(FakeSession.opened).toHaveLength(2);
  });

  it("looks every three seconds at an appliance that is still loading", async () => {
    answers = Array.from({ length: 12 }, () => error(503, "not_ready"));
    await conversation.start();
    for (let attempt = 1; attempt <= 11; attempt++) {
      expect((facts.retry?.at ?? 0) - Date.now()).toBeLessThanOrEqual(3600);
      await vi.advanceTimersToNextTimerAsync();
    }
  });

  it("stops an answer that is spoken or expected", async () => {
    await conversation.start();
    session().emit({ type: "bot-started" });
    conversation.stop();
    expect([uiState(facts), flushes, session().stops]).toEqual(["listening", 1, 1]);
    session().emit({ type: "user-stopped" });
    conversation.stop();
    expect(uiState(facts)).toBe("listening");
  });
});
