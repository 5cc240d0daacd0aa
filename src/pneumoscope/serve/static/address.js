// The page's address: the tab, and how its list is narrowed and ordered. Names are never part of it.

/** {tab, params} of the address; `params` are strings by name. */
export function readAddress() {
  const [tab, query = ""] = location.hash.slice(1).split("?");
  return { tab, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Shows a view in the address, without a new step of the browser's history. */
export function writeAddress(tab, params) {
  const query = new URLSearchParams(params).toString();
  const hash = query ? `#${tab}?${query}` : `#${tab}`;
  // Without a hash, the page shows its first tab.
  if (hash !== location.hash && (query || location.hash)) window.history.replaceState(null, "", hash);
}
