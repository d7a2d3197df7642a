/**
 * The service worker. It keeps the page's own files, so that an installed page opens at once, and
 * opens with words where the appliance is out of reach. It never answers for the daemon.
 *
 * A new version waits until every page of the old one is closed: those would miss the files that
 * they have not fetched yet. A page that is opened meanwhile is the new one, from the network.
 */

import { handlingOf } from "./handling";

/** The part of ServiceWorkerGlobalScope that is used; its types exclude those of a page. */
interface Scope {
  addEventListener(type: "install" | "activate", listener: (event: { waitUntil(done: Promise<unknown>): void }) => void): void;
  addEventListener(
    type: "fetch",
    listener: (event: { request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void;
  clients: { claim(): Promise<void> };
}

declare const self: Scope;
declare const __SHELL__: { version: string; files: string[] };

const PREFIX = "shell-";
const { version, files } = __SHELL__;
const OWN = PREFIX + version;

async function keep(): Promise<void> {
  const cache = await caches.open(OWN);
  // Past the browser's own cache, which may have the index.html of another version.
  await cache.addAll(files.map((file) => new Request(file, { cache: "reload" })));
}

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== OWN).map((name) => caches.delete(name)));
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match("/", { cacheName: OWN });
    if (!kept) throw error;
    return kept;
  }
}

async function asset(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: OWN })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keep()));

self.addEventListener("activate", (event) => event.waitUntil(forgetOthers().then(() => self.clients.claim())));

self.addEventListener("fetch", (event) => {
  const handling = handlingOf(event.request, location.origin);
  if (handling === "page") event.respondWith(page(event.request));
  if (handling === "asset") event.respondWith(asset(event.request));
});
