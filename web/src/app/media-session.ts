/** Tells the system about the call: what a lock screen and the buttons of a headset show and do. */

import type { Call } from "../call/call";
import { canHangUp, uiState } from "../call/state";

/** Chromium has the last two; the types of the DOM do not yet. */
type Action = MediaSessionAction | "hangup" | "togglemicrophone";

/** Firefox and Safari have no microphone in it. */
type System = Omit<MediaSession, "setActionHandler" | "setMicrophoneActive"> &
  Partial<Pick<MediaSession, "setMicrophoneActive">> & {
    setActionHandler(action: Action, handler: (() => void) | null): void;
  };

/** An action that the browser does not know is left out. */
function on(system: System, action: Action, handler: (() => void) | null): void {
  try {
    system.setActionHandler(action, handler);
  } catch {
    // TypeError, by the standard.
  }
}

function show(system: System, call: Call, title: string): void {
  const { facts, mic, muted } = call.state.get();
  const state = uiState(facts);
  const up = canHangUp(state);
  system.playbackState = state === "speaking" ? "playing" : up ? "paused" : "none";
  system.metadata = up
    ? new MediaMetadata({ title, artwork: [{ src: "/icon-512.png", sizes: "512x512", type: "image/png" }] })
    : null;
  void system.setMicrophoneActive?.(mic === "on" && !muted);
}

/** Follows the call until the returned function is called. */
export function followInSystem(call: Call, title: string): () => void {
  const system = navigator.mediaSession as System | undefined;
  if (!system) return () => undefined;
  const hangUp = (): void => void call.hangUp();
  on(system, "play", () => void (canHangUp(uiState(call.state.get().facts)) ? call.wake() : call.start()));
  on(system, "stop", hangUp);
  on(system, "hangup", hangUp);
  on(system, "togglemicrophone", () => call.setMuted(!call.state.get().muted));
  const changed = (): void => show(system, call, title);
  changed();
  const unsubscribe = call.state.subscribe(changed);
  return () => {
    unsubscribe();
    for (const action of ["play", "stop", "hangup", "togglemicrophone"] as const) on(system, action, null);
    system.metadata = null;
    system.playbackState = "none";
  };
}
