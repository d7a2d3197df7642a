/** What makes a tablet on the wall work without hands. */

import { useEffect, useRef, useState } from "react";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { canHangUp } from "../../call/state";
import { WakeLock } from "../../call/wake";

/** Whether the browser gives the microphone without asking; one that cannot tell would ask. */
async function microphoneGranted(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "microphone" as PermissionName })).state === "granted";
  } catch {
    return false;
  }
}

/**
 * Begins to listen by itself where the microphone was allowed before, and again after a session that
 * ended because nobody spoke. Nothing begins by itself once somebody has hung up.
 */
export function useHandsFree(): void {
  const call = useCall();
  const up = canHangUp(useUiState());
  const ended = useCallState(({ facts }) => facts.failure?.kind === "ended");
  const began = useRef(false);
  useEffect(() => {
    if (began.current) return;
    began.current = true;
    if (!up) void microphoneGranted().then((granted) => (granted ? call.start() : undefined));
  }, [call, up]);
  useEffect(() => {
    if (ended) void call.start();
  }, [call, ended]);
}

/** The screen stays on as long as the page is shown, talking or not. */
export function useScreenOn(): void {
  useEffect(() => {
    const lock = new WakeLock();
    lock.keep(true);
    const shown = (): void => {
      if (!document.hidden) lock.renew();
    };
    document.addEventListener("visibilitychange", shown);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      lock.keep(false);
    };
  }, []);
}

/** False until the page has been touched, before which a browser may keep every sound to itself. */
export function useSoundAllowed(): boolean {
  const call = useCall();
  const [touched, setTouched] = useState(() => navigator.userActivation?.hasBeenActive ?? true);
  useEffect(() => {
    if (touched) return;
    const touch = (): void => {
      setTouched(true);
      void call.wake();
    };
    addEventListener("pointerdown", touch, { once: true });
    return () => removeEventListener("pointerdown", touch);
  }, [call, touched]);
  return touched;
}
