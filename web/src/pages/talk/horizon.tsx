import { useEffect, useRef, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useUiState } from "../../call/hooks";
import { isLive } from "../../call/state";
import { Levels } from "./levels";

function colourOf({ current }: RefObject<HTMLElement | null>): string {
  return current ? getComputedStyle(current).color : "";
}

/** Both voices along a line, with who is on which side. */
export function Horizon(): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const state = useUiState();
  const moving = isLive(state);
  const stoppable = state === "speaking" || state === "thinking";
  const canvas = useRef<HTMLCanvasElement>(null);
  const [assistant, you] = [useRef<HTMLSpanElement>(null), useRef<HTMLSpanElement>(null)];
  const levels = useRef<Levels>(null);
  useEffect(() => {
    if (!canvas.current) return;
    levels.current ??= new Levels(canvas.current, {
      levels: () => call.levels(),
      colours: () => ({ assistant: colourOf(assistant), you: colourOf(you) }),
    });
    levels.current.move(moving);
    return () => levels.current?.move(false);
  }, [call, moving, assistant, you]);
  return (
    // A second way to what the Stop button does, for a finger that aims badly.
    <div className="horizon" onClick={() => stoppable && call.stop()} data-stops={stoppable}>
      <canvas id="levels" ref={canvas} role="img" aria-label={t("levels.label")} />
      <span ref={assistant} className="legend above" aria-hidden="true">
        {t("levels.assistant")}
      </span>
      <span ref={you} className="legend below" aria-hidden="true">
        {t("levels.you")}
      </span>
    </div>
  );
}
