import { useTranslation } from "react-i18next";

/** Date and time of seconds since the epoch, as the page's language writes them. */
export function useMoment(): (seconds: number) => string {
  const { i18n } = useTranslation();
  return (seconds) => new Date(seconds * 1000).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
}
