// @ts-check
/** Small parts of pages. */

import { ago, clock, count, moment } from "./format.js";
import { html } from "./lib.js";
import { now } from "./live.js";
import { short, visible } from "./text.js";

/**
 * A name that somebody chose: shown as it is, whatever is in it.
 * @param {{text: string, most?: number}} props
 */
export function Name({ text, most = 120 }) {
  return html`<bdi title=${text.length > most ? visible(text) : undefined}>${short(visible(text), most)}</bdi>`;
}

/** @param {{task: {id: string, name: string}}} props */
export function TaskLink({ task }) {
  return html`<a href="/tasks/${task.id}"><${Name} text=${task.name || task.id} most=${60} /></a>`;
}

/** @param {{name: string | null}} props */
export function QueueLink({ name }) {
  return name ? html`<a href="/queues/${encodeURIComponent(name)}"><${Name} text=${name} /></a>` : "";
}

/** @param {{name: string | null}} props */
export function WorkerLink({ name }) {
  return name ? html`<a href="/workers/${encodeURIComponent(name)}"><${Name} text=${name} /></a>` : "";
}

/** How long ago a moment was; in full when pointed at. @param {{at: number | null}} props */
export function Ago({ at }) {
  if (at === null || at === undefined) return "";
  const iso = new Date(at * 1000).toISOString();
  return html`<time class="nowrap" datetime=${iso} title=${moment(at)}>${ago(at, now.value)}</time>`;
}

/** A moment of the day. @param {{at: number}} props */
export function Clock({ at }) {
  return html`<time datetime=${new Date(at * 1000).toISOString()} title=${moment(at)}>${clock(at)}</time>`;
}

/**
 * How much of something is used: a bar and words.
 * @param {{label: string, used: number, most: number, words: string}} props
 */
export function Meter({ label, used, most, words }) {
  const share = most > 0 ? Math.min(1, used / most) : 0;
  return html`<span class="meter">
    <meter min="0" max="1" low="0.85" high="0.95" optimum="0.3" value=${share} aria-label=${`${label}: ${words}`}>${words}</meter>
    ${words}
  </span>`;
}

/**
 * Nothing is here: why, and what to type.
 * @param {{children: any, command?: string}} props
 */
export function Empty({ children, command = "" }) {
  return html`<div class="empty sheet">${children}${command && html`<br /><code>${command}</code>`}</div>`;
}

/** What went wrong with a question to the server. @param {{error: any}} props */
export function Trouble({ error }) {
  if (!error || error.status === 503 || error.status === 0) return null;  // the banner tells
  return html`<p class="trouble sheet" role="alert">${visible(error.message)}</p>`;
}

/**
 * One figure, with a link to where it comes from.
 * @param {{label: string, figure: any, note?: any, href?: string, isBad?: boolean}} props
 */
export function Tile({ label, figure, note = "", href = "", isBad = false }) {
  const content = html`<div class="label">${label}</div>
    <div class="figure">${typeof figure === "number" ? count(figure) : figure}</div>
    <div class="note">${note}</div>`;
  const style = `tile sheet ${isBad ? "is-bad" : ""}`;
  return href ? html`<a class=${style} href=${href}>${content}</a>` : html`<div class=${style}>${content}</div>`;
}

/** What a page shows before it knows anything. */
export function Loading() {
  return html`<p class="faint" role="status">Loading…</p>`;
}
