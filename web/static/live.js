// @ts-check
/**
 * What changes on the server, as it changes: one stream for the whole page.
 *
 * A page that nobody sees lets go of it, and picks it up where it left off.
 */

import { begin, isLoggedIn } from "./api.js";
import { whenSeen } from "./attention.js";
import { signal } from "./lib.js";

/** Why nothing comes; empty: all is well. */
export const trouble = signal("");
/** Unix seconds, every second while somebody looks. */
export const now = signal(Date.now() / 1000);

const SILENT_MS = 40_000;
const RETRY_MS = 3_000;
const GONE = "The server of this page does not answer. Trying again; is rq-agent web still running?";

/** @type {Map<(message: any, topic: string) => void, string[]>} */
const listeners = new Map();
/** @type {EventSource | null} */
let source = null;
let last = "";
let heard = 0;

/**
 * Call a function with each message of some topics, and with `snapshot` when all may have changed.
 * @param {string[]} topics
 * @param {(message: any, topic: string) => void} listener
 * @returns {() => void} ends it
 */
export function on(topics, listener) {
  listeners.set(listener, topics);
  return () => { listeners.delete(listener); };
}

/** Begin, as long as somebody is logged in and looks. */
export function start() {
  whenSeen(close, open);
  setInterval(() => {
    if (document.hidden) return;
    now.value = Date.now() / 1000;
    if (source && Date.now() - heard > SILENT_MS) reopen(GONE);
  }, 1000);
  isLoggedIn.subscribe((isIn) => { if (isIn) open(); else close(); });
}

function open() {
  if (source || !isLoggedIn.value) return;
  source = new EventSource(`/api/v1/events${last ? `?after=${encodeURIComponent(last)}` : ""}`);
  heard = Date.now();
  for (const name of ["hello", "snapshot", "tasks", "queues", "workers", "broker", "ping"]) {
    source.addEventListener(name, (event) => receive(name, /** @type {MessageEvent} */ (event)));
  }
  source.onerror = () => {
    trouble.value = GONE;
    if (source?.readyState === EventSource.CLOSED) reopen(GONE);
  };
}

function close() {
  source?.close();
  source = null;
}

/** @param {string} reason */
function reopen(reason) {
  close();
  trouble.value = reason;
  setTimeout(async () => {
    if (document.hidden || !isLoggedIn.value) return;
    await begin().catch(() => {});  // perhaps we are logged out
    open();
  }, RETRY_MS);
}

/**
 * @param {string} topic
 * @param {MessageEvent} event
 */
function receive(topic, event) {
  heard = Date.now();
  if (event.lastEventId) last = event.lastEventId;
  const message = JSON.parse(event.data);
  const wasGone = trouble.value !== "";
  if (topic === "broker") trouble.value = message.away ? `${message.away}. Trying again.` : "";
  else if (trouble.value === GONE) trouble.value = "";
  const isBack = wasGone && trouble.value === "";
  for (const [listener, topics] of listeners) {
    if (topic === "snapshot" || isBack || topics.includes(topic)) listener(message, isBack ? "snapshot" : topic);
  }
}
