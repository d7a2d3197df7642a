/** The buttons of a call: connect, stop or push-to-talk, mute, devices. */

import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { canHangUp, isLive } from "../../call/state";
import { Icon } from "../../design/icon";
import { DevicesButton } from "./devices";
import { PushToTalk } from "./push-to-talk";

export function Controls(): ReactNode {
  const state = useUiState();
  const pushes = useCallState(({ listening }) => listening !== "free");
  return (
    <div className="controls">
      <Connect />
      <Stop />
      {pushes && isLive(state) ? <PushToTalk /> : <Mute />}
      <DevicesButton />
    </div>
  );
}

function Connect(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const state = useUiState();
  const hangsUp = canHangUp(state);
  const label = !hangsUp ? "connect" : isLive(state) ? "hangUp" : "cancel";
  return (
    <button
      id="connect"
      className="big"
      type="button"
      data-does={hangsUp ? "hang-up" : "connect"}
      disabled={state === "unpaired"}
      onClick={() => void (hangsUp ? call.hangUp() : call.start())}
    >
      <Icon name={hangsUp ? "hang-up" : "talk"} />
      {t(`controls.${label}`)}
    </button>
  );
}

/** There while something can be stopped; Escape does the same, unless it closes a dialog or a menu. */
function Stop(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const state = useUiState();
  const stoppable = state === "speaking" || state === "thinking";
  useEffect(() => {
    if (!stoppable) return;
    const pressed = (event: KeyboardEvent): void => {
      const elsewhere = document.querySelector("dialog[open], [role=menu]");
      if (event.key === "Escape" && !event.defaultPrevented && !elsewhere) call.stop();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [call, stoppable]);
  if (!isLive(state)) return null;
  return (
    <button id="stop" className="round" type="button" disabled={!stoppable} onClick={() => call.stop()}>
      <Icon name="stop" />
      {t("controls.stop")}
    </button>
  );
}

function Mute(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const muted = useCallState((now) => now.muted);
  const hearing = useCallState(({ mic }) => mic === "on");
  return (
    <button
      id="mute"
      className="round"
      type="button"
      data-muted={muted}
      disabled={!hearing}
      onClick={() => call.setMuted(!muted)}
    >
      <Icon name={muted ? "mute" : "talk"} />
      {t(muted ? "controls.unmute" : "controls.mute")}
    </button>
  );
}
