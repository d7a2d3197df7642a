/** Writes the transcript from what happens in the sessions of this page. */

import type { Speaker } from "../audio/speaker";
import type { InUse } from "./badges";
import { note, type Diagnostics } from "./diagnostics";
import type { SessionEvent } from "./session";
import { byFrame, Store } from "./store";
import { EMPTY, reduce, segmentNumber, type Transcript, type TranscriptEvent } from "./transcript";

type Output = Extract<SessionEvent, { type: "output" }>["output"];

export class TranscriptWriter {
  readonly transcript = new Store<Transcript>(EMPTY, byFrame());
  private sessions = 0;
  private lastSegment = 0;
  /** When the user had finished, until the answer is heard: ms of performance.now(). */
  private askedAt: number | null = null;

  /** `inUse`: who answers now; null before a session has reported it. */
  constructor(
    private readonly speaker: Pick<Speaker, "nextSecond">,
    private readonly diagnostics: Diagnostics,
    private readonly inUse: () => InUse | null,
  ) {}

  set(transcript: Transcript): void {
    this.diagnostics.transcript = transcript;
    this.transcript.set(transcript);
  }

  write(event: TranscriptEvent): void {
    this.set(reduce(this.diagnostics.transcript, event, Date.now()));
  }

  /** What is said in an answer that was asked for now. */
  asked(): void {
    this.askedAt = performance.now();
  }

  /** So many seconds of the assistant's voice have left for the loudspeaker. */
  played(heard: number, playing: boolean): void {
    const last = this.diagnostics.events.findLast((event) => event.type === "audible")?.detail;
    if (last !== playing) note(this.diagnostics, "audible", playing);
    if (playing) this.answerHeard();
    this.write({ type: "heard", seconds: heard });
  }

  /** The first sound of an answer: how long it took, and who gave it. */
  private answerHeard(): void {
    const inUse = this.inUse();
    if (this.askedAt === null || !inUse) return;
    const after = (performance.now() - this.askedAt) / 1000;
    const { leftTheBox, ...names } = inUse;
    const engines = { stt: names.stt, llm: names.llm, tts: names.tts };
    const before = this.diagnostics.transcript;
    this.write({ type: "answered", answered: { engines, leftTheBox, after } });
    if (this.diagnostics.transcript !== before) this.askedAt = null;
  }

  follow(event: SessionEvent): void {
    switch (event.type) {
      case "user-stopped":
        return this.asked();
      case "state":
        if (event.state === "initializing") this.sessions++;
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
}
