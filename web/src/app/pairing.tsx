/** The form that pairs this browser, by the code that `appliance pair` shows. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from "react";
import { Trans, useTranslation } from "react-i18next";
import { useCall } from "../call/hooks";
import { Button } from "../design/button";
import { pair } from "../server/identity";
import { describeBrowser } from "./browser";
import { sentence, troubleWords } from "../i18n/words";

const DIGITS = 8;

export function PairingForm(): ReactNode {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const [incomplete, setIncomplete] = useState(false);
  const pairing = usePairing();
  const complaint = incomplete ? t("pairing.digits") : pairing.error ? sentence(troubleWords(pairing.error, t)) : "";
  useEffect(() => input.current?.focus(), [complaint]);

  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const code = input.current?.value.replace(/\D/g, "") ?? "";
    setIncomplete(code.length !== DIGITS);
    if (code.length === DIGITS) pairing.mutate(code);
  };

  return (
    <form id="pairing" className="card pairing" aria-labelledby="pairing-title" onSubmit={submit} noValidate>
      <h2 id="pairing-title">{t("pairing.title")}</h2>
      <p id="code-help">
        <Trans i18nKey="pairing.help" components={{ code: <code /> }} />
      </p>
      <label htmlFor="code">{t("pairing.code")}</label>
      <div className="row">
        <input
          ref={input}
          id="code"
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={11}
          placeholder="1234 5678"
          aria-describedby="code-help code-error"
          aria-invalid={complaint !== ""}
        />
        <Button kind="primary" type="submit">
          {t("pairing.pair")}
        </Button>
      </div>
      <p id="code-error" className="complaint" role="alert">
        {complaint}
      </p>
    </form>
  );
}

/** A mutation with the code; after it, everything is asked for anew. */
function usePairing() {
  const queries = useQueryClient();
  const call = useCall();
  return useMutation({
    mutationFn: (code: string) => pair(code, describeBrowser(navigator.userAgent)),
    onSuccess: async () => {
      call.clearFailure();
      await queries.resetQueries();
    },
  });
}
