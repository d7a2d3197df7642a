/**
 * The call of this page: microphone, loudspeaker and conversation, made once and kept while the
 * pages change. React follows it through the stores `state` and `transcript` (hooks.ts).
 */

import { Microphone } from "../audio/microphone";
import { PLAYBACK_RATE } from "../audio/protocol";
import { Speaker } from "../audio/speaker";
import { explain, Trouble, type MicState } from "../server/failures";
import type { ServerMessage, TaskUpdateMessage, TimerMessage } from "../server/messages";
import { startRecording, stopRecording } from "../server/recordings";
import { agentName } from "../server/tasks";
import { inUseFromRoute } from "./badges";
import { AT_FIRST, type CallState } from "./call-state";
import { Conversation } from "./conversation";
import { chooseDevice, chooseListening, chosenDevice, chosenListening, type Kind, type Listening } from "./devices";
import { note, type Diagnostics } from "./diagnostics";
import type { Line } from "./line";
import type { SessionEvent } from "./session";
import { keepPlace, lastPlace } from "./place";
import { uiState, type Facts } from "./state";
import { Store } from "./store";
import { Traffic } from "./traffic";
import { EMPTY, remembered, type KeptTurn, type Transcript } from "./transcript";
import { TranscriptWriter } from "./transcript-writer";
import { WakeLock } from "./wake";

/** Fetches the turns of a kept conversation; null where it is gone or not this client's. */
export type Recall = (conversationId: string) => Promise<readonly KeptTurn[] | null>;

export interface Measures extends Pick<Traffic, "framesIn" | "framesOut" | "bytesIn" | "bytesOut" | "unsent"> {
  /** Packets of the voice for which the queue had no room, and how often it ran dry in mid-speech. */
  refused: number;
  underruns: number;
  bufferedMs: number;
}

const NO_TRAFFIC = new Traffic();

export class Call {
  readonly state = new Store<CallState>({ ...AT_FIRST, listening: chosenListening() });
  private readonly speaker: Speaker;
  private readonly microphone: Microphone;
  private line: Line | null = null;
  private readonly conversation: Conversation;
  private readonly wakeLock = new WakeLock();
  private readonly diagnostics: Diagnostics;
  private readonly writer: TranscriptWriter;
  /** The session that was recorded was lost: the one that follows is to be recorded too. */
  private recordsAgain = false;

  /**
   * `secure`: only a page that came over https is given the microphone. `report` hears of timers
   * and tasks, which are server state.
   */
  constructor(
    private readonly secure: boolean,
    private readonly recall: Recall,
    private readonly report: (message: TimerMessage | TaskUpdateMessage) => void,
  ) {
    this.speaker = new Speaker(
      (heard, playing) => this.writer.played(heard, playing),
      () => chosenDevice("audiooutput"),
    );
    this.microphone = new Microphone(
      (packet) => this.line?.deliver(packet),
      () => this.setMic("lost"),
      () => chosenDevice("audioinput"),
    );
    const makeSession = async (emit: (event: SessionEvent) => void) => (await this.getLine()).session(emit);
    this.conversation = new Conversation(makeSession, this.microphone, this.speaker, {
      facts: (facts) => {
        const before = this.state.get().facts.failure?.kind;
        this.changed({ facts });
        this.carryRecording(facts);
        if (facts.failure?.kind === "ended" && before !== "ended") void this.ended();
      },
      mic: (mic) => this.setMic(mic),
      session: (event) => this.follow(event),
      place: (id) => this.moved(id),
      delivered: (id) => this.writer.write({ type: "delivered", id }),
    });
    const outputLevel = (): number => this.speaker.level();
    this.diagnostics = { state: "idle", conversationId: "", transcript: EMPTY, events: [], outputLevel };
    window.__appliance = this.diagnostics;
    this.writer = new TranscriptWriter(this.speaker, this.diagnostics, () => this.state.get().inUse);
    if (!secure) this.setMic("off");
  }

  get transcript(): Store<Transcript> {
    return this.writer.transcript;
  }

  /** Fetches what a call needs before it is wanted. */
  async prepare(): Promise<void> {
    await this.getLine().catch(() => undefined);
  }

  /** Loudness now, 0..1 each. */
  levels(): { assistant: number; you: number } {
    return { assistant: this.speaker.level(), you: this.hears ? this.microphone.level() : 0 };
  }

  /** Whether what is said goes to the appliance. */
  private get hears(): boolean {
    const { muted, listening, talking } = this.state.get();
    return !muted && (listening === "free" || talking);
  }

  /** What crosses the socket and how playback stands, for the debug panel. */
  measures(): Measures {
    const { queued, underruns, refused } = this.speaker.playback;
    const { framesIn, framesOut, bytesIn, bytesOut, unsent } = this.line?.traffic ?? NO_TRAFFIC;
    return { framesIn, framesOut, bytesIn, bytesOut, unsent, refused, underruns, bufferedMs: (queued / PLAYBACK_RATE) * 1000 };
  }

  /** To be called from a click: browsers give sound and the microphone to nothing else. */
  async start(): Promise<void> {
    await this.conversation.start();
  }

  async hangUp(): Promise<void> {
    await this.conversation.hangUp();
  }

  async retryMicrophone(): Promise<void> {
    await this.conversation.retryMicrophone();
  }

  setMuted(muted: boolean): void {
    this.changed({ muted });
    this.applyMute();
  }

  setListening(listening: Listening): void {
    chooseListening(listening);
    this.changed({ listening, talking: false });
    this.applyMute();
  }

  /** The button or key of push-to-talk; speech over an answer interrupts it, so it is silenced at once. */
  setTalking(talking: boolean): void {
    if (talking === this.state.get().talking) return;
    if (talking && this.state.get().facts.botSpeaking) this.stop();
    this.changed({ talking });
    this.applyMute();
  }

  private applyMute(): void {
    this.microphone.mute(!this.hears);
    this.line?.setMuted(!this.hears);
  }

  async choose(kind: Kind, id: string): Promise<void> {
    chooseDevice(kind, id);
    if (kind === "audiooutput") await this.speaker.useDevice();
    else await this.conversation.changeMicrophone();
  }

  /** Opens the microphone without a call, to look at its level; false where it cannot be opened. */
  async testMicrophone(): Promise<boolean> {
    const mic = await this.microphone.open();
    this.setMic(mic);
    return mic === "on";
  }

  async endMicrophoneTest(): Promise<void> {
    if (this.state.get().facts.wanted) return;
    await this.microphone.close();
    this.setMic("off");
  }

  async testSound(): Promise<void> {
    await this.speaker.testSound();
  }

  send(text: string): void {
    this.writer.asked();
    this.writer.write({ type: "interrupted" });
    this.writer.write({ type: "typed", text, id: this.conversation.send(text) });
  }

  /** Silences the answer. */
  stop(): void {
    this.writer.write({ type: "interrupted" });
    this.conversation.stop();
  }

  /** Ends the session; the next one begins a new conversation. */
  async startAfresh(): Promise<void> {
    this.conversation.forget();
    this.writer.set(EMPTY);
    await this.conversation.hangUp();
    this.changed({});
  }

  /** Shows where this browser was before a reload; Connect goes on there. */
  async resume(): Promise<void> {
    const id = lastPlace();
    if (!id || this.conversation.id) return;
    const turns = await this.recall(id);
    if (this.conversation.id) return;
    if (turns === null) return keepPlace("");
    this.goTo(id, turns);
  }

  /** Goes on in a kept conversation from now on, ending the call that is up. */
  async continueIn(id: string): Promise<void> {
    const turns = await this.recall(id);
    await this.conversation.hangUp();
    this.goTo(turns === null ? "" : id, turns ?? []);
  }

  /** Where another conversation begins (the old one was deleted), the old words are not its own. */
  private moved(id: string): void {
    const before = this.diagnostics.conversationId;
    if (before && id && id !== before) this.writer.set(EMPTY);
    this.diagnostics.conversationId = id;
    keepPlace(id);
  }

  /** A session ended for good: perhaps because its conversation was to be forgotten. */
  private async ended(): Promise<void> {
    const { id } = this.conversation;
    if (!id || (await this.recall(id)) !== null || id !== this.conversation.id) return;
    this.conversation.forget();
    this.writer.set(EMPTY);
    this.clearFailure();
  }

  private goTo(id: string, turns: readonly KeptTurn[]): void {
    this.conversation.resume(id);
    this.writer.set(remembered(turns));
    this.changed({});
  }

  /** Tries to connect at once, where the next attempt is only planned. */
  async tryNow(): Promise<void> {
    await this.conversation.tryNow();
  }

  /** Keeps this conversation from now on, or nothing of it. */
  async setKept(kept: boolean): Promise<void> {
    await this.conversation.setKept(kept);
  }

  /** The appliance does not know this browser, or is away: shown where no call is under way. */
  fail(trouble: Trouble): void {
    if (!this.state.get().facts.wanted) this.conversation.fail(trouble);
  }

  /** What stood in the way is gone, such as a pairing that was missing. */
  clearFailure(): void {
    if (!this.state.get().facts.wanted) this.conversation.clearFailure();
  }

  /** The page is shown again: a browser may have put sound, microphone and wake lock to sleep. */
  async wake(): Promise<void> {
    if (!this.state.get().facts.wanted) return;
    this.wakeLock.renew();
    await Promise.all([this.speaker.wake(), this.microphone.wake(), this.conversation.tryNow()]);
  }

  /** Has the sound of this session kept, or no longer; the appliance says so and reports it. */
  async record(on: boolean): Promise<void> {
    const { sessionId } = this.conversation;
    if (sessionId) await (on ? startRecording(sessionId) : stopRecording(sessionId));
  }

  private async getLine(): Promise<Line> {
    // A chunk that does not come is an appliance that does not answer.
    const { Line } = await import("./line").catch(() => {
      throw new Trouble({ from: "network" });
    });
    if (!this.line) {
      this.line = new Line(this.microphone, this.speaker);
      this.line.setMuted(!this.hears);
    }
    return this.line;
  }

  private changed(part: Partial<CallState>): void {
    this.state.update(part);
    const { facts } = this.state.get();
    const state = uiState(facts);
    if (state !== this.diagnostics.state) note(this.diagnostics, "ui", state);
    this.diagnostics.state = state;
    this.diagnostics.conversationId = this.conversation.id;
    document.body.dataset["state"] = state;
    this.wakeLock.keep(facts.wanted);
  }

  private setMic(state: MicState): void {
    const mic = this.secure ? state : "insecure";
    note(this.diagnostics, "mic", mic);
    this.changed({ mic });
  }

  private follow(event: SessionEvent): void {
    note(this.diagnostics, event.type, event);
    this.writer.follow(event);
    if (event.type === "round-trip") this.changed({ roundTrip: event.milliseconds });
    if (event.type === "server") this.followServer(event.message);
  }

  /** A recording ends with its session; where that was lost, the next one is recorded too. */
  private carryRecording({ wanted, transport }: Facts): void {
    if (transport !== "ready") {
      this.recordsAgain = wanted && (this.recordsAgain || this.state.get().recording);
      if (this.state.get().recording) this.changed({ recording: false });
    } else if (this.recordsAgain) {
      this.recordsAgain = false;
      void this.record(true).catch((error: unknown) => this.sayRefused(error));
    }
  }

  private sayRefused(error: unknown): void {
    const said = error instanceof Trouble ? explain(error.cause).said : null;
    if (said) this.writer.write({ type: "notice", text: said.message, advice: said.advice });
  }

  private followServer(message: ServerMessage): void {
    switch (message.type) {
      case "route":
        return this.changed({ inUse: inUseFromRoute(message) });
      case "timer":
      case "task-update":
        return this.report(message);
      case "volume":
        return this.speaker.setVolume(message.level ?? this.speaker.volume + (message.change ?? 0));
      case "recording":
        return this.changed({ recording: message.on });
      case "agent-said":
        return this.writer.write({ type: "notice", text: `${agentName(message)}: ${message.text}`, advice: "" });
      case "notice":
        return this.writer.write({ type: "notice", text: message.message, advice: message.advice });
    }
  }
}
