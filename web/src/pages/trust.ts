/** The trust page works without this: nginx redirects /open. With it, the address is shown too. */

import { fetchTrust } from "../api";
import { httpsAddress } from "../browser";
import { byId, setText } from "../view/elements";

async function show(): Promise<void> {
  const { httpsPort, fingerprint } = await fetchTrust();
  const address = httpsAddress(location.hostname, httpsPort);
  byId("open", HTMLAnchorElement).href = address + location.hash;
  setText(byId("address", HTMLElement), `Its address is ${address}`);
  byId("fingerprint-line", HTMLElement).hidden = !fingerprint;
  setText(byId("fingerprint", HTMLElement), fingerprint);
}

void show();
