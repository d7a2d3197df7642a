/**
 * The page's languages: one namespace a page and `common`, a file each in `locales/`, fetched when a
 * page first asks for it (`useTranslation("NAMESPACE")` suspends meanwhile).
 */

import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";
import { chosenLanguage, directionOf, LANGUAGES } from "./languages";

const files = import.meta.glob<{ default: Record<string, unknown> }>("./locales/*/*.json");

const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, namespace, done) => {
    const load = files[`./locales/${language}/${namespace}.json`];
    if (!load) return done(new Error(`no ${namespace} in ${language}`), null);
    load().then(
      (file) => done(null, file.default),
      (error: unknown) => done(error as Error, null),
    );
  },
};

function mark(language: string): void {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

/** To be awaited before the first render. */
export async function startLanguages(): Promise<void> {
  i18next.on("languageChanged", mark);
  await i18next.use(backend).use(initReactI18next).init({
    lng: chosenLanguage(),
    supportedLngs: LANGUAGES,
    fallbackLng: "en",
    load: "languageOnly",
    ns: ["common"],
    defaultNS: "common",
    // React escapes what it shows.
    interpolation: { escapeValue: false },
  });
}

export default i18next;
