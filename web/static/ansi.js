// @ts-check
/**
 * Colours of terminals (SGR) as classes. Pure.
 *
 * Everything else that a terminal would obey (moves of the cursor, titles, links) is dropped. Only class
 * names of our own and text come out of here, never markup.
 */

/**
 * How text looks: colours are 0 to 15, `#rrggbb`, or null.
 * @typedef {{fg: number | string | null, bg: number | string | null, bold: boolean, dim: boolean,
 *   italic: boolean, underline: boolean, strike: boolean, inverse: boolean}} Look
 */

/** @typedef {{text: string, look: Look}} Piece */

/** @type {Look} */
export const PLAIN = Object.freeze({
  fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false,
});

// CSI ... final, OSC ... BEL or ST, other escapes of one sign; unfinished ones at the end too.
const ESCAPE = /\u001b(?:\[([0-9;:?<=>!]*)[ -/]*([@-~])?|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~]?)|\u009b([0-9;:?]*)([@-~])?/g;

/**
 * Return the pieces of a line, and how text after it looks.
 * @param {string} line
 * @param {Look} look at its beginning
 * @returns {{pieces: Piece[], look: Look}}
 */
export function parse(line, look) {
  /** @type {Piece[]} */
  const pieces = [];
  let start = 0;
  for (const found of line.matchAll(ESCAPE)) {
    if (found.index > start) pieces.push({ text: line.slice(start, found.index), look });
    start = found.index + found[0].length;
    if ((found[2] ?? found[4]) === "m") look = changed(look, found[1] ?? found[3] ?? "");
  }
  if (start < line.length) pieces.push({ text: line.slice(start), look });
  return { pieces, look };
}

/**
 * Return a look as names of classes.
 * @param {Look} look
 * @returns {string}
 */
export function classes(look) {
  const [fg, bg] = look.inverse ? [look.bg ?? 0, look.fg ?? 7] : [look.fg, look.bg];
  return [
    typeof fg === "number" ? `f${fg}` : "", typeof bg === "number" ? `g${bg}` : "",
    look.bold ? "b" : "", look.dim ? "d" : "", look.italic ? "i" : "",
    look.underline ? "u" : "", look.strike ? "x" : "",
  ].filter(Boolean).join(" ");
}

/**
 * Return the colours of a look that no class has.
 * @param {Look} look
 * @returns {{color?: string, backgroundColor?: string} | undefined}
 */
export function colours(look) {
  const [fg, bg] = look.inverse ? [look.bg, look.fg] : [look.fg, look.bg];
  if (typeof fg !== "string" && typeof bg !== "string") return undefined;
  return {
    ...(typeof fg === "string" ? { color: fg } : {}),
    ...(typeof bg === "string" ? { backgroundColor: bg } : {}),
  };
}

/**
 * @param {Look} look
 * @param {string} parameters
 * @returns {Look}
 */
function changed(look, parameters) {
  if (/[?<=>!]/.test(parameters)) return look;
  const codes = parameters.split(/[;:]/).map((code) => Number(code || 0));
  let next = { ...look };
  for (let n = 0; n < codes.length; n += 1) {
    const code = codes[n];
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, n + 1);
      if (colour !== null) next[code === 38 ? "fg" : "bg"] = colour;
      n += used;
    } else {
      next = simple(next, code);
    }
  }
  return next;
}

/**
 * @param {Look} look
 * @param {number} code
 * @returns {Look}
 */
function simple(look, code) {
  if (code === 0) return { ...PLAIN };
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 3) return { ...look, italic: true };
  if (code === 4) return { ...look, underline: true };
  if (code === 7) return { ...look, inverse: true };
  if (code === 9) return { ...look, strike: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 23) return { ...look, italic: false };
  if (code === 24) return { ...look, underline: false };
  if (code === 27) return { ...look, inverse: false };
  if (code === 29) return { ...look, strike: false };
  if (code >= 30 && code <= 37) return { ...look, fg: code - 30 };
  if (code === 39) return { ...look, fg: null };
  if (code >= 40 && code <= 47) return { ...look, bg: code - 40 };
  if (code === 49) return { ...look, bg: null };
  if (code >= 90 && code <= 97) return { ...look, fg: code - 90 + 8 };
  if (code >= 100 && code <= 107) return { ...look, bg: code - 100 + 8 };
  return look;
}

/**
 * Return the colour after 38 or 48, and how many codes it takes.
 * @param {number[]} codes
 * @param {number} start
 * @returns {[number | string | null, number]}
 */
function extended(codes, start) {
  if (codes[start] === 5) return [indexed(codes[start + 1]), 2];
  if (codes[start] === 2) return [hex(codes.slice(start + 1, start + 4)), 4];
  return [null, 1];
}

/** @param {number} index */
function indexed(index) {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return index;
  if (index >= 232) return hex(Array(3).fill((index - 232) * 10 + 8));
  const level = (/** @type {number} */ n) => (n ? n * 40 + 55 : 0);
  const cube = index - 16;
  return hex([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

/** @param {number[]} parts */
function hex(parts) {
  if (parts.length !== 3 || !parts.every((part) => part >= 0 && part <= 255)) return null;
  return `#${parts.map((part) => Math.floor(part).toString(16).padStart(2, "0")).join("")}`;
}
