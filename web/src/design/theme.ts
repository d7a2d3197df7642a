/** Dark, light, or as the system has it; and how large the text is. Kept in this browser. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** In percent of the browser's own size. */
export const TEXT_SIZES = [100, 115, 130, 150] as const;
export type TextSize = (typeof TEXT_SIZES)[number];

export function chosenTheme(): Theme {
  return THEMES.find((theme) => theme === localStorage.getItem("theme")) ?? "system";
}

export function chosenTextSize(): TextSize {
  return TEXT_SIZES.find((size) => String(size) === localStorage.getItem("text-size")) ?? 100;
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem("theme", theme);
  applyAppearance();
}

export function chooseTextSize(size: TextSize): void {
  localStorage.setItem("text-size", String(size));
  applyAppearance();
}

export function applyAppearance(): void {
  const { dataset } = document.documentElement;
  dataset["theme"] = chosenTheme();
  dataset["text"] = String(chosenTextSize());
}
