// @ts-check
/** What a page shows of the server: asked for, kept, and asked for again when it changed. */

import { ask } from "./api.js";
import { useEffect, useRef, useState } from "./lib.js";
import { on } from "./live.js";

/** At most so often. */
const EVERY_MS = 1000;

/**
 * Return what the server answers to a path, now and later; `data` stays while Redis is away.
 * @param {string} path
 * @param {{topics?: string[], everyMs?: number, when?: (message: any) => boolean}} [options] topics whose
 *   messages ask again, those that `when` accepts; everyMs asks in any case, for what no message tells.
 * @returns {{data: any, error: any}}
 */
export function useResource(path, { topics = [], everyMs = 10_000, when = () => true } = {}) {
  const [state, setState] = useState({ path, data: /** @type {any} */ (null), error: /** @type {any} */ (null) });
  const accept = useRef(when);
  accept.current = when;

  useEffect(() => {
    const aborting = new AbortController();
    let asked = 0;
    let timer = 0;
    const look = async () => {
      timer = 0;
      asked = Date.now();
      try {
        const data = await ask(path, { signal: aborting.signal });
        setState({ path, data, error: null });
      } catch (error) {
        if (aborting.signal.aborted) return;
        setState((before) => ({ path, data: before.path === path ? before.data : null, error }));
      }
    };
    const soon = () => {
      if (!timer) timer = setTimeout(look, Math.max(0, asked + EVERY_MS - Date.now()));
    };
    look();
    const end = on(topics, (message, topic) => {
      if (topic === "snapshot" || accept.current(message)) soon();
    });
    const interval = setInterval(() => { if (!document.hidden) soon(); }, everyMs);
    return () => {
      end();
      aborting.abort();
      clearTimeout(timer);
      clearInterval(interval);
    };
  }, [path]);

  return state.path === path ? state : { data: null, error: null };
}
