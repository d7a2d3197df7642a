import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState } from "../../call/hooks";
import { Icon } from "../../design/icon";

/** Where the space bar has a meaning of its own. */
const TAKES_SPACE = "input, textarea, select, button, a, [role=menu], [role=slider], dialog";

/** Held by finger, mouse or space bar, or switched by them, as was chosen. */
export function PushToTalk(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const holds = useCallState(({ listening }) => listening === "hold");
  const talking = useCallState((state) => state.talking);
  const hearing = useCallState(({ mic }) => mic === "on");
  useSpaceBar(holds);
  const down = (): void => call.setTalking(holds || !talking);
  const up = (): void => {
    if (holds) call.setTalking(false);
  };
  return (
    <button
      id="push-to-talk"
      className="round push"
      type="button"
      aria-pressed={talking}
      disabled={!hearing}
      onPointerDown={(event) => {
        // The finger may slide off the button without letting go.
        event.currentTarget.setPointerCapture(event.pointerId);
        down();
      }}
      onPointerUp={up}
      onPointerCancel={up}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if ((event.key === " " || event.key === "Enter") && !event.repeat) down();
      }}
      onKeyUp={(event) => {
        if (event.key === " " || event.key === "Enter") up();
      }}
      onBlur={up}
    >
      <Icon name="talk" />
      {t(holds ? "push.hold" : talking ? "push.done" : "push.talk")}
    </button>
  );
}

function useSpaceBar(holds: boolean): void {
  const call = useCall();
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== " " || (event.target instanceof Element && event.target.closest(TAKES_SPACE))) return;
      event.preventDefault();
      if (event.type === "keyup") {
        if (holds) call.setTalking(false);
      } else if (!event.repeat) call.setTalking(holds || !call.state.get().talking);
    };
    document.addEventListener("keydown", pressed);
    document.addEventListener("keyup", pressed);
    return () => {
      document.removeEventListener("keydown", pressed);
      document.removeEventListener("keyup", pressed);
    };
  }, [call, holds]);
}
