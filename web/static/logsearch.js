// @ts-check
/** Looking for something in lines of output. Pure. */

import { PLAIN, parse } from "./ansi.js";

const ERROR = /\b(?:Traceback|[A-Z]\w*(?:Error|Exception)|ERROR|FATAL|CRITICAL|Segmentation fault|panic:)/;
const MOST = 10_000;

/** @type {WeakMap<import("./lines.js").Line, {text: string, plain: string}>} */
const known = new WeakMap();

/**
 * Return the numbers of the lines that hold words, at most 10 000.
 * @param {import("./lines.js").Line[]} lines
 * @param {number} shown how many of them count
 * @param {string} words
 * @returns {number[]}
 */
export function find(lines, shown, words) {
  const wanted = words.toLowerCase();
  const found = [];
  for (let n = 0; n < shown && found.length < MOST; n += 1) {
    if (plain(lines[n]).toLowerCase().includes(wanted)) found.push(n);
  }
  return found;
}

/** Finds the first line that looks like an error, looking at each line once. */
export class FirstError {
  constructor() {
    this.looked = 0;
    /** -1 without one. */
    this.line = -1;
  }

  /**
   * @param {import("./lines.js").Line[]} lines
   * @param {number} shown how many of them count
   * @returns {number} its number
   */
  among(lines, shown) {
    for (let n = this.looked; this.line < 0 && n < shown; n += 1) if (ERROR.test(lines[n].text)) this.line = n;
    this.looked = Math.max(0, shown - 2);  // the last ones may still grow
    return this.line;
  }
}

/**
 * Return a text cut around words: every second part is a match.
 * @param {string} text
 * @param {string} words
 * @returns {string[]}
 */
export function split(text, words) {
  if (!words) return [text];
  return text.split(new RegExp(`(${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`, "gi"));
}

/** @param {import("./lines.js").Line} line */
function plain(line) {
  const kept = known.get(line);
  if (kept?.text === line.text) return kept.plain;
  const text = parse(line.text, PLAIN).pieces.map((piece) => piece.text).join("");
  known.set(line, { text: line.text, plain: text });
  return text;
}
