/** Composition root of the page: creates and connects every part once. */

import "./style.css";
import type { TransportState } from "@pipecat-ai/client-js";
import { cancelTask, fetchHealth, fetchMe, fetchTaskResult, fetchTrust, pair } from "./api";
import { Microphone } from "./audio/microphone";
import { Speaker } from "./audio/speaker";
import { inUseFromHealth, inUseFromRoute, versionsLine } from "./badges";
import { codeInFragment, describeBrowser, httpsAddress } from "./browser";
import { Conversation } from "./conversation";
import { note, type Diagnostics } from "./diagnostics";
import { explain, explainMic, Trouble, type MicState } from "./failures";
import { ApplianceMedia } from "./media";
import type { ServerMessage } from "./messages";
import { Session, type SessionEvent } from "./session";
import { AT_REST, uiState } from "./state";
import { agentName, applyTask, withResult, type Task } from "./tasks";
import { applyTimer, type Timer } from "./timers";
import { EMPTY, reduce, segmentNumber, type TranscriptEvent } from "./transcript";
import { byId, setText } from "./view/elements";
import { onMessage, onPairing } from "./view/forms";
import { LevelsView } from "./view/levels";
import { LogView } from "./view/log";
import { SelftestPanel } from "./view/selftest";
import { StageView, type StageModel } from "./view/stage";
import { TasksView } from "./view/tasks";
import { TimersView } from "./view/timers";
import { WakeLock } from "./wake";

/** While engines load. It takes seconds with the starter engines, a minute with large models. */
const LOOK_AGAIN_MS = 2000;

const insecure = !window.isSecureContext;
let mic: MicState = insecure ? "insecure" : "off";
let secureAddress = httpsAddress(location.hostname, 443);
let timers: readonly Timer[] = [];
let tasks: readonly Task[] = [];
let sessions = 0;
let lastSegment = 0;

const model: StageModel = {
  facts: AT_REST,
  micTrouble: null,
  micOpen: false,
  muted: false,
  inUse: null,
  versions: `page ${__PAGE_VERSION__}`,
  warnings: [],
};

const diagnostics: Diagnostics = {
  state: "idle",
  conversationId: "",
  transcript: EMPTY,
  events: [],
  outputLevel: () => speaker.level(),
};
window.__appliance = diagnostics;

const speaker = new Speaker((heard, playing) => {
  const last = diagnostics.events.findLast((event) => event.type === "audible")?.detail;
  if (last !== playing) note(diagnostics, "audible", playing);
  write({ type: "heard", seconds: heard });
});
const microphone = new Microphone(
  (packet) => media.deliver(packet),
  () => setMic("lost"),
);
const media = new ApplianceMedia(microphone, speaker);
const conversation = new Conversation((emit) => new Session(media, emit), microphone, speaker, {
  facts: (facts) => {
    model.facts = facts;
    render();
  },
  mic: setMic,
  session: follow,
});

const announcer = byId("announcer", HTMLElement);
const stage = new StageView();
const log = new LogView(byId("log", HTMLElement), byId("empty", HTMLElement), (words) => setText(announcer, words));
const timersView = new TimersView(byId("timers", HTMLElement), byId("timer-list", HTMLElement), (id) => {
  timers = timers.filter((timer) => timer.id !== id);
  render();
});
const tasksView = new TasksView(byId("tasks", HTMLElement), byId("task-list", HTMLElement), {
  cancel: (id) => void cancelTask(id).catch(complain),
  read: (id) => void readTask(id).catch(complain),
});
const selftest = new SelftestPanel();
const wakeLock = new WakeLock();
new LevelsView(byId("levels", HTMLCanvasElement), () => ({
  assistant: speaker.level(),
  you: model.muted ? 0 : microphone.level(),
}));

function render(): void {
  const state = uiState(model.facts);
  if (state !== diagnostics.state) note(diagnostics, "ui", state);
  diagnostics.state = state;
  wakeLock.keep(model.facts.wanted);
  diagnostics.conversationId = conversation.id;
  model.micOpen = mic === "on";
  model.micTrouble = explainMic(mic, secureAddress);
  stage.render(model);
  timersView.render(timers);
  tasksView.render(tasks);
}

function write(event: TranscriptEvent): void {
  const next = reduce(diagnostics.transcript, event, Date.now());
  if (next === diagnostics.transcript) return;
  diagnostics.transcript = next;
  log.render(next);
}

function setMic(state: MicState): void {
  mic = insecure ? "insecure" : state;
  note(diagnostics, "mic", mic);
  render();
}

function follow(event: SessionEvent): void {
  note(diagnostics, event.type, event);
  switch (event.type) {
    case "state":
      return followState(event.state);
    case "transcript":
      return write({ type: "user", text: event.text, final: event.final });
    case "output":
      return followOutput(event.output);
    case "interrupted":
    case "user-started":
    case "lost":
      return write({ type: "interrupted" });
    case "bot-stopped":
      return write({ type: "silent" });
    case "error":
      return write({ type: "notice", text: event.message, advice: "" });
    case "server":
      return followServer(event.message);
  }
}

function followState(state: TransportState): void {
  if (state === "initializing") sessions++;
  // After a restart the appliance may be another version, with other engines.
  if (state === "ready") void lookAround();
}

function followOutput(output: Extract<SessionEvent, { type: "output" }>["output"]): void {
  const id = segmentNumber(sessions, output.segment_id ?? --lastSegment);
  if (!output.will_be_spoken) return write({ type: "shown", id, text: output.text });
  write({
    type: "segment",
    id,
    text: output.text,
    status: output.spoken_status ?? "completed",
    spoken: output.spoken_progress?.accumulated_text ?? null,
    startsAt: speaker.nextSecond,
  });
}

function followServer(message: ServerMessage): void {
  if (message.type === "route") model.inUse = inUseFromRoute(message);
  if (message.type === "timer") timers = applyTimer(timers, message);
  if (message.type === "task-update") tasks = applyTask(tasks, message);
  if (message.type === "volume") speaker.setVolume(message.level ?? speaker.volume + (message.change ?? 0));
  if (message.type === "agent-said") write({ type: "notice", text: `${agentName(message)}: ${message.text}`, advice: "" });
  if (message.type === "notice") write({ type: "notice", text: message.message, advice: message.advice });
  render();
}

async function readTask(id: string): Promise<void> {
  tasks = withResult(tasks, id, await fetchTaskResult(id));
  render();
}

/** Shows that a button's request failed; the task itself is unchanged. */
function complain(error: unknown): void {
  if (!(error instanceof Trouble)) throw error;
  const { title, advice } = explain(error.cause);
  write({ type: "notice", text: title, advice });
}

async function tryPairing(code: string): Promise<string> {
  try {
    await pair(code, describeBrowser(navigator.userAgent));
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    const { title, advice } = explain(error.cause);
    return `${title.replace(/\.$/, "")}. ${advice}`;
  }
  conversation.clearFailure();
  byId("connect", HTMLButtonElement).focus();
  void lookAround();
  return "";
}

/** Loads what is known before a conversation: pairing, version, engines. */
async function lookAround(): Promise<void> {
  try {
    const health = await fetchHealth();
    model.versions = versionsLine(health, __PAGE_VERSION__);
    model.inUse ??= inUseFromHealth(health);
    if (health.version && !health.ready) setTimeout(() => void lookAround(), LOOK_AGAIN_MS);
    const me = await fetchMe();
    model.warnings = me.warnings;
    selftest.offer(me.role === "admin");
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    if (!model.facts.wanted) conversation.fail(error);
  }
  render();
}

function listen(): void {
  byId("connect", HTMLButtonElement).addEventListener("click", (event) => {
    const hangUp = (event.currentTarget as HTMLElement).dataset["does"] === "hang-up";
    void (hangUp ? conversation.hangUp() : conversation.start());
  });
  byId("mute", HTMLButtonElement).addEventListener("click", () => {
    model.muted = !model.muted;
    void media.enableMic(!model.muted);
    render();
  });
  byId("mic-retry", HTMLButtonElement).addEventListener("click", () => void conversation.retryMicrophone());
  byId("fresh", HTMLButtonElement).addEventListener("click", () => {
    conversation.forget();
    diagnostics.transcript = EMPTY;
    log.render(EMPTY);
    void conversation.hangUp();
  });
  onMessage((text) => {
    write({ type: "user", text, final: true });
    void conversation.send(text);
  });
  onPairing(tryPairing);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !model.facts.wanted) return;
    wakeLock.renew();
    void Promise.all([speaker.wake(), microphone.wake()]);
  });
  setInterval(() => model.facts.retry && render(), 500);
}

async function begin(): Promise<void> {
  listen();
  render();
  if (insecure) secureAddress = httpsAddress(location.hostname, (await fetchTrust()).httpsPort);
  const code = codeInFragment(location.hash);
  if (code) {
    // Out of the address bar at once: a code in a bookmark or a screenshot is a code given away.
    history.replaceState(null, "", location.pathname + location.search);
    await tryPairing(code);
  }
  await lookAround();
}

void begin();
