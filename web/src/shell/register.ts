/** Puts the service worker in place, once the page is there. */

const ADDRESS = "/sw.js";

/**
 * A browser refuses it where the certificate was only clicked away, in private windows and over
 * plain http; the page misses nothing then but opening without the appliance.
 */
export function keepShell(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  void navigator.serviceWorker.register(ADDRESS, { updateViaCache: "none" }).catch(() => undefined);
}
