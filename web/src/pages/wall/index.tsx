/** For a tablet on the wall: a clock to be read across the room, what the appliance is doing, the last words. */

import "./wall.css";
import { Link } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState, useEar, useUiState } from "../../call/hooks";
import { canHangUp, isLive, statusOf } from "../../call/state";
import { Icon } from "../../design/icon";
import { failureWords } from "../../i18n/words";
import { Clock } from "./clock";
import { useHandsFree, useSoundAllowed, useScreenOn } from "./hands-free";
import { LastWords } from "./last-words";
import { WallTimers } from "./timers";

export default function WallPage(): ReactNode {
  const { t } = useTranslation("wall");
  const state = useUiState();
  useHandsFree();
  useScreenOn();
  useEffect(() => {
    document.title = t("title");
  }, [t]);
  return (
    <main className="wall" data-live={isLive(state)}>
      <header>
        <h1 className="sr-only">{t("title")}</h1>
        <Link className="icon-button leave" to="/" aria-label={t("leave")}>
          <Icon name="close" />
        </Link>
      </header>
      <Clock />
      <WallTimers />
      <div className="talking">
        <State />
        <LastWords />
      </div>
      <Touch />
    </main>
  );
}

function State(): ReactNode {
  const { t } = useTranslation("talk");
  const { t: common } = useTranslation();
  const [state, ear] = [useUiState(), useEar()];
  const failure = useCallState(({ facts }) => facts.failure);
  return (
    <div role="status">
      <p className="state">{failure ? failureWords(failure, common).title : t(`state.${statusOf(state, ear)}`)}</p>
      {failure && <p className="advice">{failureWords(failure, common).advice}</p>}
    </div>
  );
}

/** The one thing to touch, large enough for a wet finger. */
function Touch(): ReactNode {
  const { t } = useTranslation("wall");
  const call = useCall();
  const state = useUiState();
  const audible = useSoundAllowed();
  const [up, live] = [canHangUp(state), isLive(state)];
  return (
    <footer>
      {live && !audible && <p className="advice">{t("touchForSound")}</p>}
      <button
        id="connect"
        type="button"
        className={up ? "button" : "button primary"}
        onClick={() => void (up ? call.hangUp() : call.start())}
      >
        <Icon name={up ? "hang-up" : "talk"} />
        {t(up ? "rest" : "listen")}
      </button>
      {!up && <p className="soft">{t("handsFree")}</p>}
    </footer>
  );
}
