/** One control for one setting: its label, help, origin and fault come along. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Field, Select, Slider, Switch } from "../../design/fields";
import type english from "../../i18n/locales/en/settings.json";
import { useForm } from "./form";

/** The key of a setting, with "_" for its dot: the texts stand under that name. */
export type FieldName = keyof typeof english.fields;

export function keyOf(name: FieldName): string {
  return name.replace("_", ".");
}

interface FieldState {
  label: string;
  help: ReactNode;
  complaint: string;
  locked: boolean;
}

/** What stands around the control of a setting. */
function useField(name: FieldName): FieldState {
  const { t } = useTranslation("settings");
  const form = useForm();
  const key = keyOf(name);
  const setting = form.setting(key);
  const fault = form.fault(key);
  const bounds = setting?.minimum != null && setting.maximum != null;
  const wrong = bounds ? t("faults.between", { least: setting.minimum, most: setting.maximum }) : (fault?.expected ?? "");
  const meant = fault?.suggestion ? ` ${t("faults.meant", { word: fault.suggestion })}` : "";
  return {
    label: t(`fields.${name}.label`),
    help: (
      <>
        {t(`fields.${name}.help`)} {setting?.locked && t("locked")} {setting?.pending && t("pending")}
        {setting?.source === "page" && form.draft.settings[key] === undefined && (
          <Button kind="quiet" className="reset" onClick={() => form.reset(key)}>
            {t("reset")}
          </Button>
        )}
      </>
    ),
    complaint: fault ? `${wrong}.${meant}`.replace("..", ".") : "",
    locked: setting?.locked ?? true,
  };
}

interface NumberProps {
  name: FieldName;
  step: number;
  /** Where the schema allows more than anybody wants. */
  least?: number;
  most?: number;
  words: (value: number) => string;
}

export function SliderField({ name, step, least, most, words }: NumberProps): ReactNode {
  const form = useForm();
  const { label, help, complaint, locked } = useField(name);
  const setting = form.setting(keyOf(name));
  const value = Number(form.value(keyOf(name)));
  const bounds = { min: least ?? setting?.minimum ?? 0, max: most ?? setting?.maximum ?? 1 };
  return (
    <Slider
      label={label}
      help={complaint ? <span className="complaint">{complaint}</span> : help}
      value={value}
      {...bounds}
      step={step}
      words={words(value)}
      onChange={(next) => form.change(keyOf(name), Math.round(next / step) * step === next ? next : Number(next.toFixed(2)))}
      disabled={locked}
    />
  );
}

export function SwitchField({ name }: { name: FieldName }): ReactNode {
  const form = useForm();
  const { label, help, locked } = useField(name);
  return (
    <Switch
      label={label}
      help={help}
      checked={form.value(keyOf(name)) === true}
      onChange={(on) => form.change(keyOf(name), on)}
      disabled={locked}
    />
  );
}

export function NumberField({ name }: { name: FieldName }): ReactNode {
  const form = useForm();
  const { label, help, complaint, locked } = useField(name);
  const value = form.value(keyOf(name));
  return (
    <Field label={label} help={help} complaint={complaint}>
      {(tied) => (
        <input
          {...tied}
          type="number"
          step="any"
          value={String(value)}
          disabled={locked}
          onChange={({ target }) => form.change(keyOf(name), Number.isNaN(target.valueAsNumber) ? target.value : target.valueAsNumber)}
        />
      )}
    </Field>
  );
}

interface TextProps {
  name: FieldName;
  lines?: boolean;
  placeholder?: string;
}

export function TextField({ name, lines = false, placeholder }: TextProps): ReactNode {
  const form = useForm();
  const { label, help, complaint, locked } = useField(name);
  const value = String(form.value(keyOf(name)));
  const change = (text: string): void => form.change(keyOf(name), text);
  return (
    <Field label={label} help={help} complaint={complaint}>
      {(tied) =>
        lines ? (
          <textarea {...tied} value={value} disabled={locked} onChange={({ target }) => change(target.value)} />
        ) : (
          <input {...tied} value={value} placeholder={placeholder} disabled={locked} onChange={({ target }) => change(target.value)} />
        )
      }
    </Field>
  );
}

interface ChoiceProps {
  name: FieldName;
  options: readonly { value: string; label: string }[];
}

export function ChoiceField({ name, options }: ChoiceProps): ReactNode {
  const form = useForm();
  const { label, help, complaint, locked } = useField(name);
  const value = String(form.value(keyOf(name)));
  // A value that is not among the options, such as a path, is kept and shown.
  const all = options.some((option) => option.value === value) ? options : [...options, { value, label: value }];
  return (
    <Select
      label={label}
      help={complaint ? <span className="complaint">{complaint}</span> : help}
      value={value}
      options={all}
      onChange={(next) => form.change(keyOf(name), next)}
      disabled={locked}
    />
  );
}

/** A key of a language model: it goes in and is never shown. */
export function KeyField({ name }: { name: string }): ReactNode {
  const { t } = useTranslation("settings");
  const form = useForm();
  const [typed, setTyped] = useState("");
  const known = form.settings.keys.find((key) => key.name === name);
  const change = (text: string): void => {
    setTyped(text);
    form.changeKey(name, text === "" ? null : text);
  };
  const shown = form.draft.keys[name] === undefined ? "" : typed;
  return (
    <Field label={t("key.label")} help={known?.locked ? t("key.locked") : known?.set ? t("key.set") : t("key.missing")}>
      {(tied) => (
        <input
          {...tied}
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={shown}
          disabled={known?.locked ?? false}
          onChange={({ target }) => change(target.value)}
        />
      )}
    </Field>
  );
}
