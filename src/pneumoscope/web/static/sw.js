// Keeps the files of the page for the time without a network. `pneumoscope export web` puts the list of their hashes
// and the page's version, which changes with the content of any file, before this script.

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
  for (const [file, integrity] of Object.entries(FILES)) {
    const address = new URL(file, self.registration.scope).href;
    // What a portal of a network, a proxy or another version answers in its place is not kept.
    if (!(await cache.match(address))) await cache.add(new Request(address, { cache: "no-cache", integrity }));
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
