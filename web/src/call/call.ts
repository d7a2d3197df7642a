/**
 * The call of this page: microphone, loudspeaker and conversation, made once and kept while the
 * pages change. React follows it through the stores `state` and `transcript` (hooks.ts).
 */

import { Microphone } from "../audio/microphone";
import { PLAYBACK_RATE } from "../audio/protocol";
import { Speaker } from "../audio/speaker";
import { Trouble, type MicState } from "../server/failures";
import type { ServerMessage, TaskUpdateMessage, TimerMessage } from "../server/messages";
import { startRecording, stopRecording } from "../server/recordings";
import { agentName } from "../server/tasks";
import { inUseFromRoute, type InUse } from "./badges";
import { Conversation } from "./conversation";
import { chooseDevice, chooseListening, chosenDevice, chosenListening, type Kind, type Listening } from "./devices";
import { note, type Diagnostics } from "./diagnostics";
import type { Line } from "./line";
import type { SessionEvent } from "./session";
import { keepPlace, lastPlace } from "./place";
import { AT_REST, uiState, type Facts } from "./state";
import { byFrame, Store } from "./store";
import { Traffic } from "./traffic";
import { EMPTY, reduce, remembered, segmentNumber, type KeptTurn, type Transcript, type TranscriptEvent } from "./transcript";
import { WakeLock } from "./wake";

export interface CallState {
  facts: Facts;
  mic: MicState;
  muted: boolean;
  listening: Listening;
  /** With "hold" and "toggle": the button is down. */
  talking: boolean;
  /** Milliseconds to the appliance and back; null before the first answer. */
  roundTrip: number | null;
  /** Null until a session has reported it. */
  inUse: InUse | null;
  /** The session's sound is being kept. */
  recording: boolean;
}

const AT_FIRST: Omit<CallState, "listening"> = {
  facts: AT_REST,
  mic: "off",
  muted: false,
  talking: false,
  roundTrip: null,
  inUse: null,
  recording: false,
};

/** Fetches the turns of a kept conversation; null where it is gone or not this client's. */
export type Recall = (conversationId: string) => Promise<readonly KeptTurn[] | null>;

type Output = Extract<SessionEvent, { type: "output" }>["output"];

export interface Measures extends Pick<Traffic, "framesIn" | "framesOut" | "bytesIn" | "bytesOut" | "unsent"> {
  /** Packets of the voice for which the queue had no room, and how often it ran dry in mid-speech. */
  refused: number;
  underruns: number;
  bufferedMs: number;
}

const NO_TRAFFIC = new Traffic();

export class Call {
  readonly state = new Store<CallState>({ ...AT_FIRST, listening: chosenListening() });
  readonly transcript = new Store<Transcript>(EMPTY, byFrame());
  private readonly speaker: Speaker;
  private readonly microphone: Microphone;
  private line: Line | null = null;
  private readonly conversation: Conversation;
  private readonly wakeLock = new WakeLock();
  private readonly diagnostics: Diagnostics;
  private sessions = 0;
  private lastSegment = 0;
  /** When the user had finished, until the answer is heard: ms of performance.now(). */
  private askedAt: number | null = null;

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
      (heard, playing) => this.played(heard, playing),
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
        if (facts.failure?.kind === "ended" && before !== "ended") void this.ended();
      },
      mic: (mic) => this.setMic(mic),
      session: (event) => this.follow(event),
      place: (id) => this.moved(id),
      delivered: (id) => this.write({ type: "delivered", id }),
    });
    const outputLevel = (): number => this.speaker.level();
    this.diagnostics = { state: "idle", conversationId: "", transcript: EMPTY, events: [], outputLevel };
    window.__appliance = this.diagnostics;
    if (!secure) this.setMic("off");
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
    this.askedAt = performance.now();
    this.write({ type: "interrupted" });
    this.write({ type: "typed", text, id: this.conversation.send(text) });
  }

  /** Silences the answer. */
  stop(): void {
    this.write({ type: "interrupted" });
    this.conversation.stop();
  }

  /** Ends the session; the next one begins a new conversation. */
  async startAfresh(): Promise<void> {
    this.conversation.forget();
    this.setTranscript(EMPTY);
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
    if (before && id && id !== before) this.setTranscript(EMPTY);
    this.diagnostics.conversationId = id;
    keepPlace(id);
  }

  /** A session ended for good: perhaps because its conversation was to be forgotten. */
  private async ended(): Promise<void> {
    const { id } = this.conversation;
    if (!id || (await this.recall(id)) !== null || id !== this.conversation.id) return;
    this.conversation.forget();
    this.setTranscript(EMPTY);
    this.clearFailure();
  }

  private goTo(id: string, turns: readonly KeptTurn[]): void {
    this.conversation.resume(id);
    this.setTranscript(remembered(turns));
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

  private write(event: TranscriptEvent): void {
    this.setTranscript(reduce(this.diagnostics.transcript, event, Date.now()));
  }

  private setTranscript(transcript: Transcript): void {
    this.diagnostics.transcript = transcript;
    this.transcript.set(transcript);
  }

  private played(heard: number, playing: boolean): void {
    const last = this.diagnostics.events.findLast((event) => event.type === "audible")?.detail;
    if (last !== playing) note(this.diagnostics, "audible", playing);
    if (playing) this.answerHeard();
    this.write({ type: "heard", seconds: heard });
  }

  /** The first sound of an answer: how long it took, and who gave it. */
  private answerHeard(): void {
    const { inUse } = this.state.get();
    if (this.askedAt === null || !inUse) return;
    const after = (performance.now() - this.askedAt) / 1000;
    const { leftTheBox, ...names } = inUse;
    const engines = { stt: names.stt, llm: names.llm, tts: names.tts };
    const before = this.diagnostics.transcript;
    this.write({ type: "answered", answered: { engines, leftTheBox, after } });
    if (this.diagnostics.transcript !== before) this.askedAt = null;
  }

  private follow(event: SessionEvent): void {
    note(this.diagnostics, event.type, event);
    switch (event.type) {
      case "round-trip":
        return this.changed({ roundTrip: event.milliseconds });
      case "user-stopped":
        this.askedAt = performance.now();
        return;
      case "state":
        if (event.state === "initializing") this.sessions++;
        // A recording ends with its session, which another one may follow.
        if (event.state !== "ready") this.changed({ recording: false });
        return;
      case "transcript":
        return this.write({ type: "user", text: event.text, final: event.final });
      case "output":
        return this.followOutput(event.output);
      case "interrupted":
      case "user-started":
      case "lost":
        return this.write({ type: "interrupted" });
      case "bot-stopped":
        return this.write({ type: "silent" });
      case "error":
        return this.write({ type: "notice", text: event.message, advice: "" });
      case "server":
        return this.followServer(event.message);
    }
  }

  private followOutput(output: Output): void {
    const id = segmentNumber(this.sessions, output.segment_id ?? --this.lastSegment);
    if (!output.will_be_spoken) return this.write({ type: "shown", id, text: output.text });
    this.write({
      type: "segment",
      id,
      text: output.text,
      status: output.spoken_status ?? "completed",
      spoken: output.spoken_progress?.accumulated_text ?? null,
      startsAt: this.speaker.nextSecond,
    });
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
        return this.write({ type: "notice", text: `${agentName(message)}: ${message.text}`, advice: "" });
      case "notice":
        return this.write({ type: "notice", text: message.message, advice: message.advice });
    }
  }
}
