// @ts-check
/** One line of output. */

import { classes, colours, parse } from "./ansi.js";
import { clock } from "./format.js";
import { html } from "./lib.js";
import { split } from "./logsearch.js";
import { visible } from "./text.js";

const EDGES = { err: "stderr", sys: "rq-agent" };

/**
 * @param {{line: import("./lines.js").Line, text: string, times: boolean, words: string, isAt: boolean}} props
 */
export function Row({ line, text, times, words, isAt }) {
  const { pieces } = parse(text, line.look);
  const from = EDGES[/** @type {keyof EDGES} */ (line.stream)];
  return html`<div class="row ${line.stream} ${isAt ? "at" : ""}" title=${from}>${
    times ? html`<span class="when">${clock(line.at)}</span>` : ""
  }<span class="edge"></span>${pieces.map((piece) => html`<${Piece} piece=${piece} words=${words} />`)}</div>`;
}

/** @param {{piece: import("./ansi.js").Piece, words: string}} props */
function Piece({ piece, words }) {
  const content = split(visible(piece.text), words).map((part, n) => (n % 2 ? html`<mark>${part}</mark>` : part));
  const style = classes(piece.look);
  const own = colours(piece.look);
  return style || own ? html`<span class=${style} style=${own}>${content}</span>` : html`${content}`;
}
