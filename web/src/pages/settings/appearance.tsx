/** Language, theme and text size of the page, kept in this browser. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Select } from "../../design/fields";
import { chooseTextSize, chosenTextSize, chosenTheme, chooseTheme, TEXT_SIZES, THEMES } from "../../design/theme";
import { chooseLanguage, LANGUAGES, type Language } from "../../i18n/languages";

/** Each language by its own name, for whoever cannot read the present one. */
const OWN_NAMES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  it: "Italiano",
  pt: "Português",
};

export function Appearance(): ReactNode {
  const { t, i18n } = useTranslation("settings");
  const [theme, setTheme] = useState(chosenTheme);
  const [size, setSize] = useState(chosenTextSize);
  const language = LANGUAGES.find((known) => known === i18n.language) ?? "en";
  const speak = (next: Language): void => {
    chooseLanguage(next);
    void i18n.changeLanguage(next);
  };
  return (
    <>
      <Select
        label={t("appearance.language")}
        value={language}
        options={LANGUAGES.map((value) => ({ value, label: OWN_NAMES[value] }))}
        onChange={speak}
      />
      <Select
        label={t("appearance.theme")}
        value={theme}
        options={THEMES.map((value) => ({ value, label: t(`appearance.themes.${value}`) }))}
        onChange={(next) => {
          chooseTheme(next);
          setTheme(next);
        }}
      />
      <Select
        label={t("appearance.textSize")}
        value={String(size)}
        options={TEXT_SIZES.map((value) => ({ value: String(value), label: `${value} %` }))}
        onChange={(next) => {
          const chosen = TEXT_SIZES.find((value) => String(value) === next) ?? 100;
          chooseTextSize(chosen);
          setSize(chosen);
        }}
      />
    </>
  );
}
