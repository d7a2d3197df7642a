/** Which languages the page speaks, and which one this browser wants. */

export const LANGUAGES = ["en", "de", "es", "fr", "it", "pt"] as const;

export type Language = (typeof LANGUAGES)[number];

/** In localStorage; a browser that has never chosen has none. */
const CHOICE = "language";

const RIGHT_TO_LEFT: readonly string[] = ["ar", "fa", "he", "ur"];

export function directionOf(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
}

/** The first of the wanted languages that there is, without its country. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => language === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}

export function chosenLanguage(): Language {
  const chosen = localStorage.getItem(CHOICE);
  return bestLanguage([...(chosen ? [chosen] : []), ...navigator.languages]);
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem(CHOICE, language);
}
