/** The voices of the appliance, and a sentence to hear one. */

import { queryOptions } from "@tanstack/react-query";
import { ask, askForSound } from "./client";
import { fields, list, text } from "./reading";

export interface Voice {
  id: string;
  name: string;
  variant: string;
  quality: string;
}

export interface SpokenLanguage {
  code: string;
  ownName: string;
  voices: readonly Voice[];
}

function readVoice(value: unknown): Voice {
  const { id, name, variant, quality } = fields(value);
  return { id: text(id), name: text(name), variant: text(variant), quality: text(quality) };
}

export const voicesQuery = queryOptions({
  queryKey: ["voices"],
  queryFn: async (): Promise<readonly SpokenLanguage[]> =>
    list(fields(await ask("GET", "/api/voices"))["languages"]).map((one) => {
      const { code, own_name: ownName, voices } = fields(one);
      return { code: text(code), ownName: text(ownName), voices: list(voices).map(readVoice) };
    }),
});

/** A sentence in a voice, as a WAV file. */
export function fetchSample(voice: string, language: string, speed: number): Promise<Blob> {
  return askForSound("/api/voices/preview", { voice, language, speed });
}
