/**
 * The conversation of this page: opens one session after another and reconnects to the same
 * conversation when a session is lost. Independent of the DOM.
 */

import { createSession, keepSession, onlySocketsFail } from "../server/sessions";
import type { Microphone } from "../audio/microphone";
import type { Speaker } from "../audio/speaker";
import { backOff, explain, longestWait, Trouble, type Failure, type MicState } from "../server/failures";
import { CODES, socketAddress, type SessionOffer } from "../server/messages";
import { Outbox, type Outgoing } from "./outbox";
import type { Session, SessionEvent } from "./session";
import { AT_REST, type Facts } from "./state";

/** An answer that has not begun after this long is not coming ("stop" is answered by silence). */
const THINKING_MS = 12_000;

/** What a conversation needs of a session. */
export type Connection = Pick<Session, "open" | "send" | "stop" | "close">;

export interface ConversationEvents {
  facts(facts: Facts): void;
  mic(state: MicState): void;
  session(event: SessionEvent): void;
  /** Which conversation it is from now on; "" for none. */
  place(conversationId: string): void;
  /** A typed text has arrived. */
  delivered(id: string): void;
}

export class Conversation {
  private facts: Facts = AT_REST;
  private session: Connection | null = null;
  private conversationId = "";
  /** Of the session that is up, or was last. */
  sessionId = "";
  private attempt = 0;
  /** The socket's address while it is not known to work. */
  private opening = "";
  /** Incremented by every start and hang-up; results of an earlier attempt are stale. */
  private generation = 0;
  private readonly outbox = new Outbox();
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private thinkingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly makeSession: (emit: (event: SessionEvent) => void) => Connection | Promise<Connection>,
    private readonly microphone: Microphone,
    private readonly speaker: Speaker,
    private readonly events: ConversationEvents,
  ) {}

  get id(): string {
    return this.conversationId;
  }

  private change(part: Partial<Facts>): void {
    this.facts = { ...this.facts, ...part };
    this.events.facts(this.facts);
  }

  /** To be called from a click: browsers give sound and the microphone to nothing else. */
  async start(): Promise<void> {
    const generation = ++this.generation;
    this.attempt = 0;
    this.change({ ...AT_REST, wanted: true, asking: true });
    // Begun within the click, awaited (and its failure met) by the first attempt to connect.
    this.speaker.open().catch(() => undefined);
    void this.speaker.wake();
    this.events.mic(await this.microphone.open());
    if (generation !== this.generation) return this.microphone.close();
    this.change({ asking: false });
    await this.connect(generation);
  }

  /** Asks for the microphone again, in the session that is up. */
  async retryMicrophone(): Promise<void> {
    this.events.mic(await this.microphone.open());
  }

  /** Takes the microphone that is chosen now, within a call. */
  async changeMicrophone(): Promise<void> {
    if (!this.microphone.isOpen) return;
    await this.microphone.close();
    await this.retryMicrophone();
  }

  async hangUp(): Promise<void> {
    this.generation++;
    clearTimeout(this.retryTimer);
    this.outbox.clear();
    this.change({ ...AT_REST });
    this.speaker.flush();
    await Promise.all([this.drop(), this.microphone.close()]);
    this.events.mic("off");
  }

  /** The next session begins a new conversation. */
  forget(): void {
    this.resume("");
  }

  /** The next session goes on in this conversation. */
  resume(conversationId: string): void {
    this.conversationId = conversationId;
    this.events.place(conversationId);
  }

  /** Tries at once where the next attempt is only planned. */
  async tryNow(): Promise<void> {
    if (!this.facts.retry) return;
    clearTimeout(this.retryTimer);
    this.attempt = 0;
    this.change({ retry: null, failure: null });
    await this.connect(this.generation);
  }

  /** Keeps this conversation from now on, or nothing of it. The appliance goes by its latest word. */
  async setKept(kept: boolean): Promise<void> {
    await keepSession(this.sessionId, kept);
    this.change({ kept });
  }

  /** A pairing succeeded: what stood in the way is gone. */
  clearFailure(): void {
    this.change({ ...AT_REST });
  }

  /** Shows that this browser must be paired before anything else. */
  fail(trouble: Trouble): void {
    this.change({ ...AT_REST, failure: explain(trouble.cause) });
  }

  /** Sends a text now, or once there is a session; its id is reported when it has arrived. */
  send(text: string): string {
    const message = this.outbox.add(text);
    this.silence();
    if (this.facts.transport === "ready") void this.deliver(message);
    return message.id;
  }

  private async deliver({ id, text }: Outgoing): Promise<void> {
    const { session } = this;
    if (!session) return;
    this.think();
    try {
      await session.send(text, id);
    } catch {
      // Not known to have arrived: it stays in the outbox for the next session.
      return;
    }
    this.outbox.delivered(id);
    this.events.delivered(id);
  }

  /** Silences the answer that is spoken or expected. */
  stop(): void {
    clearTimeout(this.thinkingTimer);
    this.silence();
    this.change({ thinking: false });
    this.session?.stop();
  }

  private async connect(generation: number): Promise<void> {
    let session: Connection | null = null;
    try {
      await this.speaker.open();
      const offer = await this.offer();
      if (generation !== this.generation) return;
      this.sessionId = offer.sessionId;
      this.resume(offer.conversationId);
      const opened = await this.makeSession((event) => this.handle(opened, event));
      if (generation !== this.generation) return;
      session = this.session = opened;
      this.opening = offer.wsUrl;
      await opened.open(socketAddress(offer.wsUrl, location.href));
      if (generation !== this.generation) return;
      this.attempt = 0;
      this.opening = "";
      this.change({ failure: null, retry: null, kept: offer.kept });
      for (const message of this.outbox.pending) void this.deliver(message);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      // A session that was reported lost has been recovered from already.
      if (generation === this.generation && session === this.session) await this.recover(error);
    }
  }

  /** A session in the same conversation; in a new one if the old one was deleted meanwhile. */
  private async offer(): Promise<SessionOffer> {
    const id = this.conversationId;
    if (!id) return createSession({});
    try {
      return await createSession({ conversation_id: id });
    } catch (error) {
      const cause = error instanceof Trouble ? error.cause : null;
      if (cause?.from !== "http" || cause.error?.code !== CODES.notFound) throw error;
      return createSession({});
    }
  }

  private async recover(trouble: Trouble): Promise<void> {
    const { generation, opening } = this;
    this.opening = "";
    const failure = explain(trouble.cause);
    const quiet = { userSpeaking: false, botSpeaking: false, thinking: false };
    if (!failure.retry) return this.giveUp(failure);
    const seconds = backOff(++this.attempt, failure.retry.after, Math.random(), longestWait(failure.kind));
    const at = Date.now() + seconds * 1000;
    this.change({ ...quiet, failure, retry: { attempt: this.attempt, at }, transport: "disconnected" });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => void this.again(generation), seconds * 1000);
    await Promise.all([this.drop(), opening && this.suspectTrust(opening, generation)]);
  }

  private async giveUp(failure: Failure): Promise<void> {
    this.generation++;
    this.outbox.clear();
    this.change({ ...AT_REST, failure });
    await Promise.all([this.drop(), this.microphone.close()]);
    this.events.mic("off");
  }

  /** Reports the reason where only the WebSocket fails; the next attempt stays as planned. */
  private async suspectTrust(address: string, generation: number): Promise<void> {
    const { attempt } = this;
    if (!(await onlySocketsFail(address))) return;
    if (generation !== this.generation || attempt !== this.attempt || !this.facts.retry) return;
    this.change({ failure: explain({ from: "trust" }) });
  }

  private async again(generation: number): Promise<void> {
    if (generation === this.generation) await this.connect(generation);
  }

  private async drop(): Promise<void> {
    const { session } = this;
    this.session = null;
    await session?.close();
  }

  private handle(session: Connection, event: SessionEvent): void {
    if (session !== this.session) return;
    this.follow(event);
    this.events.session(event);
  }

  private follow(event: SessionEvent): void {
    switch (event.type) {
      case "state":
        return this.change({ transport: event.state });
      case "user-started":
        // In this appliance the beginning of a turn always interrupts the assistant.
        this.silence();
        return this.change({ userSpeaking: true, thinking: false });
      case "interrupted":
        return this.silence();
      case "user-stopped":
        this.change({ userSpeaking: false });
        return this.think();
      case "bot-started":
        return this.change({ botSpeaking: true, thinking: false });
      case "bot-stopped":
        return this.change({ botSpeaking: false });
      case "lost":
        this.silence();
        return void this.recover(
          new Trouble(event.silent ? { from: "silence" } : { from: "socket", code: event.code, reason: event.reason }),
        );
    }
  }

  private silence(): void {
    this.speaker.flush();
    this.change({ botSpeaking: false });
  }

  private think(): void {
    this.change({ thinking: true });
    clearTimeout(this.thinkingTimer);
    this.thinkingTimer = setTimeout(() => this.change({ thinking: false }), THINKING_MS);
  }
}
