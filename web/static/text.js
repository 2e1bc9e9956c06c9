// @ts-check
/** Text from anywhere, made safe to look at. Pure. */

// Controls, and signs that turn the direction of writing: they could hide or reorder what stands around them.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * Return a text with every invisible sign written out.
 * @param {string} text
 * @returns {string}
 */
export function visible(text) {
  return text.replace(HIDDEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Return the beginning of a long text.
 * @param {string} text
 * @param {number} most
 * @returns {string}
 */
export function short(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
