/** Times and amounts in the page's language. Pure but for the clock that is an argument. */

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 hours ago"; both times in seconds since the epoch. */
export function ago(then: number, now: number, language: string): string {
  const passed = Math.max(0, now - then);
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, seconds] of UNITS) {
    if (passed >= seconds) return words.format(-Math.floor(passed / seconds), unit);
  }
  return words.format(0, "second");
}

/** "12 Mar 2026, 14:05" */
export function moment(seconds: number, language: string): string {
  return new Date(seconds * 1000).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

/** "14:05:09" */
export function clock(seconds: number, language: string): string {
  return new Date(seconds * 1000).toLocaleTimeString(language);
}

/** "4:05": minutes and seconds, as of a player. */
export function playtime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "1.4 GB" */
export function size(bytes: number, language: string): string {
  const [unit, amount] = bytes >= 1e9 ? ["gigabyte", bytes / 1e9] : ["megabyte", bytes / 1e6];
  const digits = amount < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: "unit", unit: unit as string, maximumFractionDigits: digits }).format(amount as number);
}

/** "37 %" */
export function percent(share: number, language: string): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** "3 days", "5 hours": the largest unit alone. */
export function span(seconds: number, language: string): string {
  const [unit, length] = seconds >= 172_800 ? ["day", 86_400] : seconds >= 7200 ? ["hour", 3600] : ["minute", 60];
  const amount = Math.floor(seconds / (length as number));
  return new Intl.NumberFormat(language, { style: "unit", unit: unit as string, unitDisplay: "long" }).format(amount);
}
