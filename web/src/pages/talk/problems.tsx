/** What stands in the way, with its next step. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { httpsAddress } from "../../app/browser";
import { useCall, useCallState, useUiState } from "../../call/hooks";
import { Button } from "../../design/button";
import { Icon } from "../../design/icon";
import { failureWords } from "../../i18n/words";
import { micTrouble } from "../../server/failures";
import { fetchTrust } from "../../server/trust";

export function Problem(): ReactNode {
  const { t } = useTranslation();
  const failure = useCallState(({ facts }) => facts.failure);
  const state = useUiState();
  const call = useCall();
  const waiting = state === "waiting";
  if (!failure || state === "unpaired") return null;
  const { title, advice } = failureWords(failure, t);
  // A session that ended as sessions do is no fault.
  const normal = failure.kind === "ended";
  return (
    <div id="problem" className={normal ? "card" : "card problem"} role={normal ? "status" : "alert"}>
      <Icon name={normal ? "info" : "warning"} />
      <div>
        <h2>{title}</h2>
        <p>{advice}</p>
        {waiting && (
          <Button id="try-now" icon="refresh" onClick={() => void call.tryNow()}>
            {t("failures.tryNow")}
          </Button>
        )}
        {failure.link && (
          <a id="problem-link" className="button primary" href={failure.link}>
            {t("failures.howToTrust")}
          </a>
        )}
      </div>
    </div>
  );
}

export function MicrophoneProblem(): ReactNode {
  const { t } = useTranslation();
  const call = useCall();
  const trouble = useCallState(({ mic }) => micTrouble(mic));
  if (!trouble) return null;
  return (
    <div id="mic-problem" className="card" role="alert">
      <Icon name="mute" />
      <div>
        <h2>{t(`microphone.${trouble}.title`)}</h2>
        <p>{t(`microphone.${trouble}.advice`)}</p>
        {trouble === "insecure" ? (
          <SecureAddress />
        ) : (
          <Button id="mic-retry" onClick={() => void call.retryMicrophone()}>
            {t("microphone.retry")}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Where https is, as the file beside the trust page tells. */
function SecureAddress(): ReactNode {
  const { t } = useTranslation();
  const trust = useQuery({ queryKey: ["trust"], queryFn: fetchTrust });
  const address = httpsAddress(location.hostname, trust.data?.httpsPort ?? 443);
  return (
    <a className="button primary" href={address}>
      {t("microphone.open", { address })}
    </a>
  );
}
