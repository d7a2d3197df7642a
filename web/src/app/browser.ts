/** Describes this browser and the address that it opened. */

/** A name a person recognises in the list of paired clients, such as "Firefox on Android". */
export function describeBrowser(userAgent: string): string {
  const browsers: [RegExp, string][] = [
    [/Edg[A-Z]?\//, "Edge"],
    [/Firefox\/|FxiOS\//, "Firefox"],
    [/SamsungBrowser\//, "Samsung Internet"],
    [/Chrome\/|CriOS\//, "Chrome"],
    [/Safari\//, "Safari"],
  ];
  const systems: [RegExp, string][] = [
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "Mac"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ];
  const find = (list: [RegExp, string][]): string | undefined =>
    list.find(([pattern]) => pattern.test(userAgent))?.[1];
  return `${find(browsers) ?? "Browser"} on ${find(systems) ?? "an unknown system"}`;
}

/** The system whose steps the trust page opens. Firefox on a computer has its own certificate store. */
export function platform(userAgent: string): string {
  const found: [RegExp, string][] = [
    [/iPhone|iPad|iPod/, "ios"],
    [/Android/, "android"],
    [/Firefox\//, "firefox"],
    [/Windows/, "windows"],
    [/Mac OS X/, "mac"],
  ];
  return found.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "linux";
}

/** The code in `#pair=12345678`, digits only; "" when there is none. */
export function codeInFragment(hash: string): string {
  const code = new URLSearchParams(hash.replace(/^#/, "")).get("pair") ?? "";
  return code.replace(/\D/g, "");
}

/** The https address of the host that was opened over http. */
export function httpsAddress(hostname: string, port: number): string {
  return `https://${hostname}${port === 443 ? "" : `:${port}`}/`;
}
