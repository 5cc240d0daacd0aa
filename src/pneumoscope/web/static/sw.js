// Keeps the files of the page for the time without a network. `pneumoscope export web` puts their list and the
// page's version, which changes with the content of any file, before this script.

const { version: VERSION, files: FILES } = self.PAGE_FILES;
const PREFIX = `pneumoscope ${new URL(self.registration.scope).pathname} `;
const CACHE = `${PREFIX}${VERSION}`;

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

// Only when no page of an earlier version is open: that one still needs its own files.
self.addEventListener("activate", (event) => event.waitUntil(dropOthers()));

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !event.request.url.startsWith(self.registration.scope)) return;
  event.respondWith(answer(event.request));
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  for (const file of FILES) {
    const address = new URL(file, self.registration.scope).href;
    if (!(await cache.match(address))) await cache.add(new Request(address, { cache: "no-cache" }));
  }
}

/** Caches of earlier versions of this page; a page at another address of this site keeps its own. */
async function dropOthers() {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreSearch: true });
  return known ?? fetch(request);
}
