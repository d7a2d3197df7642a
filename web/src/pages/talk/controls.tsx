import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { canHangUp, isLive } from "../../call/state";
import { Icon } from "../../design/icon";

export function Controls(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const state = useUiState();
  const muted = useCallState((now) => now.muted);
  const hearing = useCallState(({ mic }) => mic === "on");
  const hangsUp = canHangUp(state);
  const label = !hangsUp ? "connect" : isLive(state) ? "hangUp" : "cancel";
  return (
    <div className="controls">
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
    </div>
  );
}
