/** What is going on: state, buttons, and what stands in the way. */

import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { PairingForm } from "../../app/pairing";
import { useCallState, useEar, useUiState } from "../../call/hooks";
import { statusOf } from "../../call/state";
import { Timers } from "../timers/timers";
import { Controls } from "./controls";
import { Horizon } from "./horizon";
import { MicrophoneProblem, Problem } from "./problems";
import { Tasks } from "./tasks";

export function Stage(): ReactNode {
  const { t } = useTranslation("talk");
  const state = useUiState();
  return (
    <section className="stage" aria-label={t("stage")}>
      <Horizon />
      <Status />
      <Controls />
      <Problem />
      <MicrophoneProblem />
      {state === "unpaired" && <PairingForm />}
      <Timers />
      <Tasks />
    </section>
  );
}

function Status(): ReactNode {
  const { t } = useTranslation("talk");
  const [state, ear] = [useUiState(), useEar()];
  return (
    <div className="status">
      <p id="state" className="state" role="status">
        {t(`state.${statusOf(state, ear)}`)}
      </p>
      <p id="detail" className="detail">
        <Detail />
      </p>
    </div>
  );
}

function Detail(): ReactNode {
  const { t } = useTranslation("talk");
  const [state, ear] = [useUiState(), useEar()];
  switch (state) {
    case "listening":
    case "speaking":
      return ear === "open" ? t(`detail.${state}`) : "";
    case "idle":
    case "asking":
    case "unpaired":
      return t(`detail.${state}`);
    case "waiting":
      return <Countdown />;
    default:
      return "";
  }
}

/** Seconds until the next attempt. */
function Countdown(): ReactNode {
  const { t } = useTranslation("talk");
  const retry = useCallState(({ facts }) => facts.retry);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  if (!retry) return "";
  const seconds = Math.ceil((retry.at - now) / 1000);
  return t(seconds > 0 ? "detail.attemptIn" : "detail.attempt", { attempt: retry.attempt, seconds });
}
