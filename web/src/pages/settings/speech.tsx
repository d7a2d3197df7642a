/** Voice, language and listening. */

import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { useToaster } from "../../design/toast";
import { fetchSample, type SpokenLanguage, type Voice } from "../../server/voices";
import { useForm } from "./form";
import { ChoiceField, SliderField, SwitchField } from "./inputs";

const AUTO = "auto";

/** "British English" where a language has more than one kind of voice. */
function groupOf(voice: Voice, voices: readonly Voice[]): string {
  const variants = new Set(voices.map((one) => one.variant));
  return variants.size > 1 ? voice.variant.split("-").at(-1)?.toUpperCase() ?? "" : "";
}

export function VoiceCard({ languages }: { languages: readonly SpokenLanguage[] }): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const form = useForm();
  const language = String(form.value("stt.language"));
  const voices = (languages.find((one) => one.code === language) ?? languages.find((one) => one.code === "en"))?.voices ?? [];
  const options = voices.map((voice) => {
    const group = groupOf(voice, voices);
    return { value: voice.id, label: `${voice.name}${group && ` (${group})`} – ${t(`quality.${qualityOf(voice)}`)}` };
  });
  const speed = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 });
  return (
    <Card title={t("groups.voice")} actions={<Preview />}>
      <ChoiceField name="tts_voice" options={[{ value: AUTO, label: t("bestVoice") }, ...options]} />
      <SliderField name="tts_speed" step={0.05} words={(value) => `${speed.format(value)} ×`} />
    </Card>
  );
}

type Quality = "natural" | "clear" | "robotic" | "partial";

function qualityOf({ quality }: Voice): Quality {
  return (["natural", "clear", "partial"] as const).find((known) => known === quality) ?? "robotic";
}

/** Says a sentence in the chosen voice, saved or not. */
function Preview(): ReactNode {
  const { t } = useTranslation("settings");
  const form = useForm();
  const toaster = useToaster();
  const playing = useRef<HTMLAudioElement | null>(null);
  useEffect(() => () => playing.current?.pause(), []);
  const preview = useMutation({
    mutationFn: async () => {
      const speed = Number(form.value("tts.speed"));
      const sample = await fetchSample(String(form.value("tts.voice")), String(form.value("stt.language")), speed);
      playing.current?.pause();
      const address = URL.createObjectURL(sample);
      const sound = new Audio(address);
      playing.current = sound;
      sound.addEventListener("ended", () => URL.revokeObjectURL(address));
      await sound.play();
    },
    onError: toaster.fail,
  });
  return (
    <Button icon="speaker" onClick={() => preview.mutate()} disabled={preview.isPending}>
      {preview.isPending ? t("listening") : t("listen")}
    </Button>
  );
}

export function LanguageCard({ languages }: { languages: readonly SpokenLanguage[] }): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const names = new Intl.DisplayNames(i18n.language, { type: "language" });
  const label = ({ code, ownName }: SpokenLanguage): string => {
    const name = names.of(code) ?? code;
    return name.toLowerCase() === ownName.toLowerCase() ? ownName : `${ownName} – ${name}`;
  };
  const options = languages.map((one) => ({ value: one.code, label: label(one) }));
  options.sort((one, other) => one.label.localeCompare(other.label, i18n.language));
  return (
    <Card title={t("groups.language")}>
      <ChoiceField name="stt_language" options={[{ value: AUTO, label: t("anyLanguage") }, ...options]} />
    </Card>
  );
}

export function ListeningCard(): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 });
  const seconds = (value: number): string => t("seconds", { seconds: number.format(value) });
  const minutes = (value: number): string => t("minutes", { minutes: number.format(value / 60) });
  return (
    <Card title={t("groups.listening")}>
      <SliderField name="turn_stop_seconds" step={0.05} most={1.5} words={seconds} />
      <SliderField name="turn_incomplete_seconds" step={0.1} most={5} words={seconds} />
      <SliderField name="turn_start_seconds" step={0.05} least={0.05} most={1} words={seconds} />
      <SliderField name="turn_min_volume" step={0.05} words={(value) => `${Math.round(100 * value)} %`} />
      <SliderField name="limits_idle_seconds" step={60} least={60} most={3600} words={minutes} />
      <SwitchField name="turn_speculate" />
    </Card>
  );
}
