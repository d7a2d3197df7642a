/** The language model: who answers, with which key, a test of the connection, and what it is told. */

import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { ErrorNote } from "../../design/error-note";
import { Icon } from "../../design/icon";
import { tryConnection, type Connection } from "../../server/settings";
import { useForm } from "./form";
import { ChoiceField, KeyField, NumberField, SliderField, TextField } from "./inputs";

const PROVIDERS = ["auto", "none", "openai", "groq", "ollama", "llama_cpp", "custom"] as const;

/** The secret that each provider asks for; the others need none. */
const SECRETS: Readonly<Record<string, string>> = { openai: "OPENAI_API_KEY", custom: "OPENAI_API_KEY", groq: "GROQ_API_KEY" };

export function LanguageModelCard(): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const form = useForm();
  const provider = String(form.value("llm.provider"));
  const secret = SECRETS[provider];
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 });
  return (
    <Card title={t("groups.model")}>
      <ChoiceField name="llm_provider" options={PROVIDERS.map((value) => ({ value, label: t(`providers.${value}`) }))} />
      {provider !== "none" && (
        <>
          {provider !== "auto" && <TextField name="llm_base_url" placeholder="https://…/v1" />}
          <TextField name="llm_model" />
          {secret && <KeyField key={secret} name={secret} />}
          <ConnectionTest secret={secret} />
          <SliderField name="llm_temperature" step={0.1} words={(value) => number.format(value)} />
          <NumberField name="llm_max_tokens" />
        </>
      )}
    </Card>
  );
}

function ConnectionTest({ secret }: { secret: string | undefined }): ReactNode {
  const { t } = useTranslation("settings");
  const form = useForm();
  const test = useMutation({
    mutationFn: () => {
      const key = secret ? form.draft.keys[secret] : undefined;
      return tryConnection({
        provider: String(form.value("llm.provider")),
        base_url: String(form.value("llm.base_url")),
        model: String(form.value("llm.model")),
        ...(key && { key }),
      });
    },
  });
  return (
    <div className="connection">
      <Button icon="refresh" onClick={() => test.mutate()} disabled={test.isPending}>
        {test.isPending ? t("test.running") : t("test.run")}
      </Button>
      <div aria-live="polite">
        {test.data && !test.isPending && <Verdict result={test.data} />}
        {test.error && !test.isPending && <ErrorNote error={test.error} />}
      </div>
    </div>
  );
}

const OUTCOMES = ["unconfigured", "no_key", "garbage", "silence", "unreachable"] as const;

function Verdict({ result }: { result: Connection }): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const { where, status } = result;
  if (result.ok) {
    const seconds = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 }).format(result.seconds);
    return (
      <p className="verdict good">
        <Icon name="check" /> {t("test.ok", { where, seconds })}
      </p>
    );
  }
  const known = OUTCOMES.find((outcome) => outcome === result.outcome);
  const refusal = status === 401 || status === 403 ? "key" : status === 404 ? "missing" : status === 429 ? "quota" : "trouble";
  return (
    <p className="verdict bad">
      <Icon name="warning" /> {known ? t(`test.${known}`, { where }) : t(`test.refused.${refusal}`, { where, status })}
    </p>
  );
}

export function PromptCard(): ReactNode {
  const { t } = useTranslation("settings");
  return (
    <Card title={t("groups.prompt")}>
      <TextField name="llm_system_prompt" lines />
    </Card>
  );
}

const POLICIES = ["off", "on_failure", "always"] as const;

export function PrivacyCard(): ReactNode {
  const { t } = useTranslation("settings");
  const form = useForm();
  const policy = POLICIES.find((one) => one === form.value("fallback.policy")) ?? "off";
  return (
    <Card title={t("groups.privacy")}>
      <ChoiceField name="fallback_policy" options={POLICIES.map((value) => ({ value, label: t(`policies.${value}.name`) }))} />
      <p>{t(`policies.${policy}.meaning`)}</p>
    </Card>
  );
}
