// @ts-check
/** The keyboard: `g` and a letter go somewhere, `/` searches, `?` helps. */

import { html, signal, useEffect, useRef } from "./lib.js";
import { go } from "./router.js";

const PLACES = { o: "/", q: "/queues", w: "/workers", t: "/tasks" };
const WITHIN_MS = 1500;

export const isHelpOpen = signal(false);

/** Listen. */
export function listen() {
  let went = 0;
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.matches?.("input, select, textarea");
    if (isTyping && event.key === "Escape") target.blur();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const letter = /** @type {keyof typeof PLACES} */ (event.key);
    if (Date.now() - went < WITHIN_MS && PLACES[letter]) go(PLACES[letter]);
    else if (event.key === "/") search(event);
    else if (event.key === "?") isHelpOpen.value = true;
    went = event.key === "g" ? Date.now() : 0;
  });
}

/** @param {KeyboardEvent} event */
function search(event) {
  const field = /** @type {HTMLElement | null} */ (document.querySelector("[data-search]"));
  event.preventDefault();
  if (field) field.focus();
  else go("/tasks");
}

/** What the keys do. */
export function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
  }, [isOpen]);
  return html`<dialog ref=${dialog} aria-labelledby="help-title" onClose=${() => { isHelpOpen.value = false; }}>
    <h2 id="help-title">Keys</h2>
    <dl>
      <dt><kbd>g</kbd> <kbd>o</kbd></dt><dd>Overview</dd>
      <dt><kbd>g</kbd> <kbd>q</kbd></dt><dd>Queues</dd>
      <dt><kbd>g</kbd> <kbd>w</kbd></dt><dd>Workers</dd>
      <dt><kbd>g</kbd> <kbd>t</kbd></dt><dd>Tasks</dd>
      <dt><kbd>/</kbd></dt><dd>Search</dd>
      <dt><kbd>?</kbd></dt><dd>This</dd>
    </dl>
    <form method="dialog"><button autofocus>Close</button></form>
  </dialog>`;
}
