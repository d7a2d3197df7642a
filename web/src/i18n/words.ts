/** Failures in the page's language. */

import type { TFunction } from "i18next";
import { explain, Trouble, type Failure } from "../server/failures";

/** Kinds about which the appliance itself says more than the page could. */
const BETTER_SAID: readonly Failure["kind"][] = ["refused", "too_many"];

export interface Words {
  title: string;
  advice: string;
}

export function failureWords(failure: Failure, t: TFunction): Words {
  const { kind, said } = failure;
  if (said?.message && BETTER_SAID.includes(kind)) return { title: said.message, advice: said.advice };
  return { title: t(`failures.${kind}.title`), advice: t(`failures.${kind}.advice`) };
}

/** Words for whatever a request threw; what is not a `Trouble` is a fault of the page. */
export function troubleWords(error: unknown, t: TFunction): Words {
  if (error instanceof Trouble) return failureWords(explain(error.cause), t);
  return { title: t("failures.page.title"), advice: t("failures.page.advice") };
}

/** Both in one line; the titles of the appliance's errors come without a full stop. */
export function sentence({ title, advice }: Words): string {
  return `${title.replace(/\.$/, "")}. ${advice}`.trim();
}
