// Files of the page that are large: fetched once, unpacked, and kept for the time without a network.

import { joinedBytes } from "./films/bytes.js";

const RECEIVING_MS = 1000; // between two calls of `whileReceiving`
let name = null;
let whileReceiving = () => {};
const writes = []; // promises of what is being written to the cache

/** Name of the browser's cache for this version of the page at this address; the same as in sw.js. */
export const cacheName = (root, version) => `pneumoscope ${root.pathname} ${version}`;

/** Keeps what is fetched in this cache, and calls `receiving` now and then while a file arrives. */
export function keepIn(cache, receiving) {
  name = cache;
  whileReceiving = receiving;
}

/** Resolves when everything that was fetched is kept. */
export const allKept = () => Promise.all(writes);

/** The content of a file of this page, Uint8Array, unpacked if it is compressed by gzip; `integrity` is what it must be. */
export async function fetched(address, integrity) {
  const data = await received(await kept(address, integrity));
  // Some servers unpack such files themselves.
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const unpacked = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

async function received(response) {
  const parts = [];
  let last = performance.now();
  const reader = response.body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    if (performance.now() - last < RECEIVING_MS) continue;
    last = performance.now();
    whileReceiving();
  }
  return joinedBytes(parts);
}

async function kept(address, integrity) {
  // There are no caches at addresses that are not secure.
  const cache = name && globalThis.caches ? await caches.open(name).catch(() => null) : null;
  const known = await cache?.match(address);
  if (known) return known;
  // An earlier or later version has another; it must be neither used nor kept.
  const response = await fetch(address, { cache: "no-cache", integrity });
  if (!response.ok) throw new Error(`${new URL(address).pathname}: ${response.status}`);
  // Nobody waits for the disk, which may be full; `allKept` does.
  if (cache) writes.push(cache.put(address, response.clone()).catch(() => {}));
  return response;
}
