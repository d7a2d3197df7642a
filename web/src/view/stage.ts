/** View of everything around the log: state, buttons, badges, failures with advice. */

import { badgesFor, enginesLine, type InUse } from "../badges";
import type { MicTrouble } from "../failures";
import { canHangUp, isLive, stateWords, uiState, type Ear, type Facts, type UiState } from "../state";
import { byId, make, setText } from "./elements";

export interface StageModel {
  facts: Facts;
  micTrouble: MicTrouble | null;
  micOpen: boolean;
  muted: boolean;
  inUse: InUse | null;
  versions: string;
  /** Sentences that everybody who talks here should know. */
  warnings: readonly string[];
}

export class StageView {
  private readonly state = byId("state", HTMLElement);
  private readonly detail = byId("detail", HTMLElement);
  private readonly connect = byId("connect", HTMLButtonElement);
  private readonly connectLabel = byId("connect-label", HTMLElement);
  private readonly mute = byId("mute", HTMLButtonElement);
  private readonly muteLabel = byId("mute-label", HTMLElement);
  private readonly problem = byId("problem", HTMLElement);
  private readonly problemLink = byId("problem-link", HTMLAnchorElement);
  private readonly warning = byId("warning", HTMLElement);
  private readonly micProblem = byId("mic-problem", HTMLElement);
  private readonly micLink = byId("mic-link", HTMLAnchorElement);
  private readonly micRetry = byId("mic-retry", HTMLButtonElement);
  private readonly badges = byId("badges", HTMLElement);
  private readonly engines = byId("engines", HTMLElement);
  private readonly message = byId("message", HTMLInputElement);
  private readonly send = byId("send", HTMLButtonElement);
  private readonly pairing = byId("pairing", HTMLElement);

  render(model: StageModel): void {
    const state = uiState(model.facts);
    document.body.dataset["state"] = state;
    setText(this.state, stateWords(state, ear(model)));
    setText(this.detail, detailWords(state, model));
    this.renderButtons(state, model);
    this.renderProblem(state, model.facts);
    this.renderMicrophone(model);
    this.renderInUse(model);
    this.warning.hidden = model.warnings.length === 0;
    setText(byId("warning-words", HTMLElement), model.warnings.join(" "));
  }

  private renderButtons(state: UiState, model: StageModel): void {
    const hangUp = canHangUp(state);
    setText(this.connectLabel, hangUp ? (isLive(state) ? "Hang up" : "Cancel") : "Connect");
    this.connect.dataset["does"] = hangUp ? "hang-up" : "connect";
    this.connect.disabled = state === "unpaired";
    setText(this.muteLabel, model.muted ? "Unmute" : "Mute");
    this.mute.dataset["muted"] = String(model.muted);
    this.mute.disabled = !model.micOpen;
    // Not disabled while typing: a connection that comes and goes must not take the focus.
    this.send.disabled = !isLive(state);
    this.message.placeholder = isLive(state) ? "Type a message" : "Connect first, then type";
    const appears = this.pairing.hidden && state === "unpaired";
    this.pairing.hidden = state !== "unpaired";
    if (appears) byId("code", HTMLInputElement).focus();
  }

  private renderProblem(state: UiState, facts: Facts): void {
    const failure = state === "unpaired" ? null : facts.failure;
    this.problem.hidden = failure === null;
    setText(byId("problem-title", HTMLElement), failure?.title ?? "");
    setText(byId("problem-advice", HTMLElement), failure?.advice ?? "");
    this.problemLink.hidden = !failure?.link;
    this.problemLink.href = failure?.link?.address ?? "/";
    setText(this.problemLink, failure?.link?.words ?? "");
  }

  private renderMicrophone({ micTrouble }: StageModel): void {
    this.micProblem.hidden = micTrouble === null;
    setText(byId("mic-title", HTMLElement), micTrouble?.title ?? "");
    setText(byId("mic-advice", HTMLElement), micTrouble?.advice ?? "");
    this.micLink.hidden = !micTrouble?.link;
    this.micRetry.hidden = !!micTrouble?.link;
    if (micTrouble?.link) {
      this.micLink.href = micTrouble.link;
      setText(this.micLink, `Open ${micTrouble.link}`);
    }
  }

  private renderInUse({ inUse, versions }: StageModel): void {
    const badges = inUse ? badgesFor(inUse) : [];
    const wanted = badges.map((badge) => badge.label).join();
    if (this.badges.dataset["shown"] !== wanted) {
      this.badges.dataset["shown"] = wanted;
      this.badges.replaceChildren(...badges.map(badgeElement));
    }
    setText(this.engines, [inUse ? enginesLine(inUse) : "", versions].filter(Boolean).join(" · "));
  }
}

function badgeElement(badge: ReturnType<typeof badgesFor>[number]): HTMLElement {
  const item = make("li", `badge ${badge.tone}`, badge.label);
  item.title = badge.meaning;
  item.append(make("span", "sr-only", `: ${badge.meaning}`));
  return item;
}

function ear({ micOpen, muted }: StageModel): Ear {
  if (!micOpen) return "none";
  return muted ? "muted" : "open";
}

function detailWords(state: UiState, model: StageModel): string {
  const { retry } = model.facts;
  switch (state) {
    case "listening":
      return ear(model) === "open" ? "Just speak, or type." : "";
    case "speaking":
      return ear(model) === "open" ? "Speak to interrupt." : "";
    case "idle":
      return "Press Connect and speak. Nothing leaves the appliance unless a badge says so.";
    case "asking":
      return "Your browser asks for the microphone. Allow it, or refuse and type.";
    case "waiting":
      return retry ? retryWords(retry) : "";
    case "unpaired":
      return "The appliance wants to know this browser first.";
    default:
      return "";
  }
}

function retryWords({ attempt, at }: { attempt: number; at: number }): string {
  const seconds = Math.ceil((at - Date.now()) / 1000);
  return seconds > 0 ? `Attempt ${attempt} in ${seconds} s` : `Attempt ${attempt}`;
}
