// @ts-check
/** Which page is shown: the address decides, links and the back button work as everywhere. */

import { signal } from "./lib.js";

/** @typedef {{path: string, query: URLSearchParams}} Place */

/** @returns {Place} */
const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const place = signal(here());

/**
 * Go to another page of ours.
 * @param {string} address
 * @param {{replace?: boolean}} [options]
 */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  place.value = here();
  if (!replace) scrollTo(0, 0);
}

/**
 * Return the address of this page with other parameters; empty ones are left out.
 * @param {Record<string, string>} changes
 * @returns {string}
 */
export function withQuery(changes) {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return place.value.path + (text ? `?${text}` : "");
}

/** Let links to our own pages load nothing but what they show. */
export function followLinks() {
  addEventListener("popstate", () => { place.value = here(); });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.hash) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
