/** Readers of unknown JSON: what is missing or of another type becomes empty. */

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/**
 * Characters that set the direction of what follows. With one, a text could make what stands around
 * it read as something else.
 */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

function escaped(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16)}`;
}

/** What turns the direction of a text is shown as what it is, such as `\u202e`. */
export function text(value: unknown): string {
  return typeof value === "string" ? value.replace(DIRECTIONS, escaped) : typeof value === "number" ? String(value) : "";
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function number(value: unknown): number {
  return Number(value) || 0;
}
