/** Waits on the page that nginx shows while nobody answers, and opens the real one. */

import { fetchHealth } from "../server/health";
import { Trouble } from "../server/failures";
import { byId, setText } from "./elements";

/** Often enough to feel prompt, seldom enough to be nothing for a small machine. */
const EVERY_MS = 2000;

/** From here on it is no longer a start: models load behind an open port within seconds. */
const TOO_LONG = 60;

let looked = 0;

/** nginx shows this page at the address that was asked for; by its own name it leads to the page. */
function leave(): void {
  if (location.pathname === "/down.html") location.replace("/");
  else location.reload();
}

async function look(): Promise<void> {
  try {
    await fetchHealth();
    return leave();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    // Any answer of the appliance's own, a refusal too, means that it is up.
    if (error.cause.from === "http" && error.cause.error) return leave();
  }
  if (++looked >= TOO_LONG) {
    setText(byId("title", HTMLElement), "The appliance needs attention");
    setText(byId("words", HTMLElement), "It has not answered for two minutes. This page keeps looking.");
  }
  setTimeout(() => void look(), EVERY_MS);
}

void look();
