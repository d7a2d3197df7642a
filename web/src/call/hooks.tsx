/** What components see of the call. */

import { createContext, useContext, useSyncExternalStore, type ReactNode } from "react";
import type { Call } from "./call";
import type { CallState } from "./call-state";
import { uiState, type Ear, type UiState } from "./state";
import type { Transcript } from "./transcript";

const CallContext = createContext<Call | null>(null);

export function CallProvider({ call, children }: { call: Call; children: ReactNode }): ReactNode {
  return <CallContext value={call}>{children}</CallContext>;
}

export function useCall(): Call {
  const call = useContext(CallContext);
  if (!call) throw new Error("there is no CallProvider around this component");
  return call;
}

/** A part of the call's state; renders anew only where `select` gives another value. */
export function useCallState<T>(select: (state: CallState) => T): T {
  const { state } = useCall();
  return useSyncExternalStore(state.subscribe, () => select(state.get()));
}

export function useUiState(): UiState {
  return useCallState(({ facts }) => uiState(facts));
}

export function useEar(): Ear {
  return useCallState(({ mic, muted }) => (mic !== "on" ? "none" : muted ? "muted" : "open"));
}

/** At most once a frame. */
export function useTranscript(): Transcript {
  const { transcript } = useCall();
  return useSyncExternalStore(transcript.subscribe, transcript.get);
}
