/** What the service worker does with a request. Pure. */

/** The addresses at which nginx serves index.html; a test compares them with the router's. */
const PAGES = /^\/(conversations(\/[^/.]+)?|tasks|settings|models|devices|status|wall|design)?$/;

export interface Asked {
  method: string;
  /** As in Request.mode. */
  mode: string;
  url: string;
}

/**
 * `page`: from the appliance, else as it was kept. `asset`: as it was kept, else from the appliance.
 * `leave`: the worker has nothing to do with it, as with all that the daemon answers.
 */
export type Handling = "page" | "asset" | "leave";

export function handlingOf({ method, mode, url }: Asked, origin: string): Handling {
  const address = new URL(url);
  if (method !== "GET" || address.origin !== origin) return "leave";
  if (mode === "navigate") return PAGES.test(address.pathname) ? "page" : "leave";
  return address.pathname.startsWith("/assets/") ? "asset" : "leave";
}
