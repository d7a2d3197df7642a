/** The trust page works without this: nginx redirects /open. With it, it knows where it is shown. */

import { fetchTrust, reachesSecurely } from "../server/trust";
import { httpsAddress, platform } from "../app/browser";
import { byId, setText } from "./elements";

/** Long enough to be read before the page changes. */
const SHOWN_MS = 1200;

const UNTRUSTED =
  "This browser does not trust the appliance yet. Take steps 1 and 2, then test again; some browsers notice after a restart only.";

async function show(): Promise<void> {
  const secure = location.protocol === "https:";
  byId("plain", HTMLElement).hidden = secure;
  byId("secure", HTMLElement).hidden = !secure;
  for (const steps of document.querySelectorAll("details")) {
    steps.open = steps.dataset["platform"] === platform(navigator.userAgent);
  }
  const { httpsPort, fingerprint, words } = await fetchTrust();
  const address = secure ? `${location.origin}/` : httpsAddress(location.hostname, httpsPort);
  // The code of a pairing link stays behind the #, where no server sees it.
  const target = address + location.hash;
  byId("open", HTMLAnchorElement).href = target;
  setText(byId("address", HTMLElement), `Its address is ${address}`);
  byId("authority", HTMLElement).hidden = !fingerprint;
  byId("fingerprint-line", HTMLElement).hidden = !fingerprint;
  setText(byId("fingerprint", HTMLElement), fingerprint);
  setText(byId("words", HTMLElement), words);
  byId("test", HTMLButtonElement).addEventListener("click", () => void test(address, target));
}

async function test(address: string, target: string): Promise<void> {
  const verdict = byId("verdict", HTMLElement);
  setText(verdict, "Testing…");
  if (!(await reachesSecurely(address))) return setText(verdict, UNTRUSTED);
  setText(verdict, "It is trusted. Opening the appliance…");
  setTimeout(() => location.assign(target), SHOWN_MS);
}

void show();
