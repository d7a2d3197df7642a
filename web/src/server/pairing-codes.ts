/** Codes with which another device pairs itself. For administrators. */

import { queryOptions } from "@tanstack/react-query";
import type { Role } from "../app/navigation";
import { ask } from "./client";
import { PATHS } from "./messages";
import { fields, list, number, text } from "./reading";

/** A code that was not used yet; its digits are shown once. */
export interface OpenCode {
  id: string;
  role: string;
  /** In seconds. */
  expiresIn: number;
}

export interface IssuedCode extends OpenCode {
  digits: string;
  /** Opens the page with the code. */
  link: string;
  /** The link as a QR code: a path within a square of that many units. */
  qr: { size: number; path: string };
  /** Of the local CA, in words to compare; empty where there is no such CA. */
  words: string;
}

function readOpen(value: unknown): OpenCode {
  const code = fields(value);
  return { id: text(code["id"]), role: text(code["role"]), expiresIn: number(code["expires_in"]) };
}

export function readIssued(value: unknown): IssuedCode {
  const code = fields(value);
  const qr = fields(code["qr"]);
  return {
    ...readOpen(value),
    digits: text(code["code"]),
    link: text(code["link"]),
    // Nothing but what a path is made of reaches the page.
    qr: { size: number(qr["size"]), path: text(qr["path"]).replace(/[^MVHvhz\d -]/g, "") },
    words: text(code["words"]),
  };
}

/** While codes are open, one may be used or run out at any time. */
const LOOK_AGAIN_MS = 2000;

export const openCodesQuery = queryOptions({
  queryKey: ["pairing-codes"],
  queryFn: async () => list(fields(await ask("GET", PATHS.pairingCodes))["codes"]).map(readOpen),
  refetchInterval: ({ state: { data } }) => (data?.length ? LOOK_AGAIN_MS : false),
  staleTime: 0,
});

export async function makeCode(wish: { role: Role; minutes: number }): Promise<IssuedCode> {
  return readIssued(await ask("POST", PATHS.pairingCodes, wish));
}

export async function revokeCode(id: string): Promise<void> {
  await ask("DELETE", `${PATHS.pairingCodes}/${encodeURIComponent(id)}`);
}
