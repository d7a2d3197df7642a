/** Sizes as people read them. */

import { useCallback } from "react";
import { useTranslation } from "react-i18next";

/** "92 MB", "1.6 GB": two digits that mean something, in the language of the page. */
export function sizeWords(bytes: number, language: string): string {
  const large = bytes >= 1e9;
  const value = bytes / (large ? 1e9 : 1e6);
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: large ? 1 : 0 });
  return `${number.format(value)} ${large ? "GB" : "MB"}`;
}

export function useBytes(): (bytes: number) => string {
  const { i18n } = useTranslation();
  return useCallback((bytes) => sizeWords(bytes, i18n.language), [i18n.language]);
}
