// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { followInSystem } from "../../src/app/media-session";
import { Call } from "../../src/call/call";
import type { CallState } from "../../src/call/call-state";
import { AT_REST } from "../../src/call/state";

class System {
  metadata: { title: string } | null = null;
  playbackState = "none";
  microphone: boolean | null = null;
  readonly handlers = new Map<string, () => void>();

  setActionHandler(action: string, handler: (() => void) | null): void {
    // What a browser does that is not Chromium.
    if (action === "hangup") throw new TypeError("unknown action");
    if (handler) this.handlers.set(action, handler);
    else this.handlers.delete(action);
  }

  setMicrophoneActive(active: boolean): void {
    this.microphone = active;
  }
}

const TALKING = { ...AT_REST, wanted: true, transport: "ready" as const };

let system: System;
let call: Call;
let leave: () => void;

function becomes(change: Partial<CallState>): void {
  call.state.set({ ...call.state.get(), ...change });
}

beforeEach(() => {
  system = new System();
  vi.stubGlobal("MediaMetadata", class {
    constructor(readonly given: { title: string }) {}
    get title(): string {
      return this.given.title;
    }
  });
  Object.defineProperty(navigator, "mediaSession", { value: system, configurable: true });
  call = new Call(true, async () => null, () => undefined);
  leave = followInSystem(call, "Voice Appliance");
});

afterEach(() => {
  leave();
  vi.unstubAllGlobals();
});

describe("the system", () => {
  it("shows nothing while nobody talks", () => {
    expect([system.metadata, system.playbackState, system.microphone]).toEqual([null, "none", false]);
  });

  it("shows a call, whether it speaks, and whether the microphone hears", () => {
    becomes({ facts: TALKING, mic: "on" });
    expect([system.metadata?.title, system.playbackState, system.microphone]).toEqual(["Voice Appliance", "paused", true]);
    becomes({ facts: { ...TALKING, botSpeaking: true }, muted: true });
    expect([system.playbackState, system.microphone]).toEqual(["playing", false]);
  });

  it("mutes, hangs up and begins", () => {
    const did: string[] = [];
    vi.spyOn(call, "setMuted").mockImplementation((muted) => void did.push(`muted ${muted}`));
    vi.spyOn(call, "hangUp").mockImplementation(async () => void did.push("hung up"));
    vi.spyOn(call, "start").mockImplementation(async () => void did.push("started"));
    for (const action of ["togglemicrophone", "stop", "play"]) system.handlers.get(action)?.();
    expect(did).toEqual(["muted true", "hung up", "started"]);
  });

  it("is left as it was found", () => {
    becomes({ facts: TALKING });
    leave();
    becomes({ facts: { ...TALKING, botSpeaking: true } });
    expect([system.metadata, system.playbackState, system.handlers.size]).toEqual([null, "none", 0]);
  });
});
