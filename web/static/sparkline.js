// @ts-check
/** A line of a table's row: what a number did lately. */

import { html } from "./lib.js";

const WIDTH = 120;
const HEIGHT = 26;

/**
 * Return the path of a line through values, scaled to the largest. Pure.
 * @param {number[]} values
 * @returns {string}
 */
export function path(values) {
  const top = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  return values
    .map((value, n) => `${n ? "L" : "M"}${(n * step).toFixed(1)} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`)
    .join("");
}

/**
 * @param {{values: number[] | undefined, label: string}} props
 */
export function Sparkline({ values, label }) {
  if (!values || values.length < 2) return null;
  const line = path(values);
  const words = `${label}: now ${values[values.length - 1]}, at most ${Math.max(...values)}`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${words}>
    <title>${words}</title>
    <path class="area" d="${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z" />
    <path d=${line} />
  </svg>`;
}
