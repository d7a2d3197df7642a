/**
 * The call of this page: microphone, loudspeaker and conversation, made once and kept while the
 * pages change. React follows it through the stores `state` and `transcript` (hooks.ts).
 */

import { Microphone } from "../audio/microphone";
import { PLAYBACK_RATE } from "../audio/protocol";
import { Speaker } from "../audio/speaker";
import { Trouble, type MicState } from "../server/failures";
import type { ServerMessage } from "../server/messages";
import { startRecording, stopRecording } from "../server/recordings";
import { inUseFromRoute, type InUse } from "./badges";
import { Conversation } from "./conversation";
import { note, type Diagnostics } from "./diagnostics";
import type { Line } from "./line";
import type { SessionEvent } from "./session";
import { AT_REST, uiState, type Facts } from "./state";
import { byFrame, Store } from "./store";
import { agentName, applyTask, withResult, type Task } from "./tasks";
import { applyTimer, type Timer } from "./timers";
import { EMPTY, reduce, segmentNumber, type Transcript, type TranscriptEvent } from "./transcript";
import { Traffic } from "./traffic";
import { WakeLock } from "./wake";

export interface CallState {
  facts: Facts;
  mic: MicState;
  muted: boolean;
  /** Null until a session has reported it. */
  inUse: InUse | null;
  timers: readonly Timer[];
  tasks: readonly Task[];
  /** The session's sound is being kept. */
  recording: boolean;
}

const AT_FIRST: CallState = { facts: AT_REST, mic: "off", muted: false, inUse: null, timers: [], tasks: [], recording: false };

type Output = Extract<SessionEvent, { type: "output" }>["output"];

export interface Measures extends Pick<Traffic, "framesIn" | "framesOut" | "bytesIn" | "bytesOut" | "unsent"> {
  /** Packets of the voice for which the queue had no room, and how often it ran dry in mid-speech. */
  refused: number;
  underruns: number;
  bufferedMs: number;
}

const NO_TRAFFIC = new Traffic();

export class Call {
  readonly state = new Store<CallState>(AT_FIRST);
  readonly transcript = new Store<Transcript>(EMPTY, byFrame());
  private readonly speaker: Speaker;
  private readonly microphone: Microphone;
  private line: Line | null = null;
  private readonly conversation: Conversation;
  private readonly wakeLock = new WakeLock();
  private readonly diagnostics: Diagnostics;
  private sessions = 0;
  private lastSegment = 0;

  /** `secure`: only a page that came over https is given the microphone. */
  constructor(private readonly secure: boolean) {
    this.speaker = new Speaker((heard, playing) => this.played(heard, playing));
    this.microphone = new Microphone(
      (packet) => this.line?.deliver(packet),
      () => this.setMic("lost"),
    );
    const makeSession = async (emit: (event: SessionEvent) => void) => (await this.getLine()).session(emit);
    this.conversation = new Conversation(makeSession, this.microphone, this.speaker, {
      facts: (facts) => this.changed({ facts }),
      mic: (mic) => this.setMic(mic),
      session: (event) => this.follow(event),
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
    return { assistant: this.speaker.level(), you: this.state.get().muted ? 0 : this.microphone.level() };
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
    this.microphone.mute(muted);
    this.line?.setMuted(muted);
    this.changed({ muted });
  }

  async send(text: string): Promise<void> {
    this.write({ type: "user", text, final: true });
    await this.conversation.send(text);
  }

  /** Ends the session; the next one begins a new conversation. */
  async startAfresh(): Promise<void> {
    this.conversation.forget();
    this.setTranscript(EMPTY);
    await this.conversation.hangUp();
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
    await Promise.all([this.speaker.wake(), this.microphone.wake()]);
  }

  /** Has the sound of this session kept, or no longer; the appliance says so and reports it. */
  async record(on: boolean): Promise<void> {
    const { sessionId } = this.conversation;
    if (sessionId) await (on ? startRecording(sessionId) : stopRecording(sessionId));
  }

  dismissTimer(id: string): void {
    this.changed({ timers: this.state.get().timers.filter((timer) => timer.id !== id) });
  }

  taskRead(id: string, result: string): void {
    this.changed({ tasks: withResult(this.state.get().tasks, id, result) });
  }

  private async getLine(): Promise<Line> {
    // A chunk that does not come is an appliance that does not answer.
    const { Line } = await import("./line").catch(() => {
      throw new Trouble({ from: "network" });
    });
    if (!this.line) {
      this.line = new Line(this.microphone, this.speaker);
      this.line.setMuted(this.state.get().muted);
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
    this.write({ type: "heard", seconds: heard });
  }

  private follow(event: SessionEvent): void {
    note(this.diagnostics, event.type, event);
    switch (event.type) {
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
    const { timers, tasks } = this.state.get();
    switch (message.type) {
      case "route":
        return this.changed({ inUse: inUseFromRoute(message) });
      case "timer":
        return this.changed({ timers: applyTimer(timers, message) });
      case "task-update":
        return this.changed({ tasks: applyTask(tasks, message) });
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
