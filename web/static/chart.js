// @ts-check
/** Lines over time, drawn; the same numbers as a table for those who want or need one. */

import { html, useEffect, useRef, useState } from "./lib.js";
import uPlot from "./vendor/uplot.js";

/** @type {any} its types are not kept here */
const Plot = uPlot;
const HEIGHT = 210;
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];

/** @typedef {{label: string, colour: string, values: (number | null)[], isArea?: boolean}} Line */

/**
 * @param {{title: string, times: number[], lines: Line[], format: (value: number | null) => string}} props
 *   times: Unix seconds; colour: name of a colour in colours.css.
 */
export function Chart({ title, times, lines, format }) {
  const [isTable, setTable] = useState(false);
  return html`<section class="chart sheet" aria-label=${title}>
    <div class="top">
      <h2>${title}</h2>
      <button class="quiet" aria-pressed=${isTable} onClick=${() => setTable(!isTable)}>Table</button>
    </div>
    ${isTable
      ? html`<${Table} title=${title} times=${times} lines=${lines} format=${format} />`
      : html`<${Canvas} title=${title} times=${times} lines=${lines} format=${format} />`}
  </section>`;
}

/** @param {{title: string, times: number[], lines: Line[], format: (value: number | null) => string}} props */
function Canvas({ title, times, lines, format }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const data = [times, ...lines.map((line) => line.values)];
  const [scheme, setScheme] = useState(0);

  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const change = () => setScheme((n) => n + 1);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);

  useEffect(() => {
    const element = /** @type {HTMLElement} */ (place.current);
    plot.current = new Plot(options(element, lines, format), data, element);
    const observer = new ResizeObserver(() => plot.current.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current.destroy();
    };
  }, [scheme, lines.length]);

  useEffect(() => { plot.current.setData(data); }, [times, lines]);

  return html`<div class="canvas" role="img" aria-label=${summary(title, lines, format)} ref=${place}></div>`;
}

/** @param {{title: string, times: number[], lines: Line[], format: (value: number | null) => string}} props */
function Table({ title, times, lines, format }) {
  const rows = times.map((at, n) => ({ at, values: lines.map((line) => line.values[n]) })).reverse();
  return html`<div class="table" tabindex="0" role="region" aria-label=${`${title}, as a table`}>
    <table class="small">
      <thead><tr><th scope="col">Until</th>${lines.map((line) => html`<th scope="col" class="number">${line.label}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.at}>
        <th scope="row">${new Date(row.at * 1000).toLocaleTimeString(undefined, { timeStyle: "short" })}</th>
        ${row.values.map((value) => html`<td class="number">${format(value)}</td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`;
}

/**
 * Return a chart in words. Pure.
 * @param {string} title
 * @param {Line[]} lines
 * @param {(value: number | null) => string} format
 * @returns {string}
 */
export function summary(title, lines, format) {
  const parts = lines.map((line) => {
    const known = /** @type {number[]} */ (line.values.filter((value) => value !== null));
    if (!known.length) return `${line.label}: nothing yet`;
    return `${line.label}: last ${format(known[known.length - 1])}, most ${format(Math.max(...known))}`;
  });
  return `${title}. ${parts.join("; ")}`;
}

function options(element, lines, format) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const isWhole = lines.every((line) => line.isArea);
  const least = isWhole ? 4 : 0.1;
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    scales: { y: { range: (_, low, high) => [0, Math.max(least, (high || 0) * 1.1)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString(undefined, { timeStyle: "short" })) },
      { ...axis, size: 58, incrs: isWhole ? WHOLE : undefined, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      { label: "until", value: (_, at) => (at ? new Date(at * 1000).toLocaleTimeString() : "") },
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        fill: line.isArea ? colour(`${line.colour}-ground`) : undefined,
        width: 1.6,
        points: { show: !line.isArea, size: 4 },
        spanGaps: false,
        value: (_, value) => format(value),
      })),
    ],
  };
}
