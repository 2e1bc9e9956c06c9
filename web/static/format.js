// @ts-check
/** Numbers and times as people read them. Pure. */

/**
 * Return a length of time: `0.03s`, `8.6s`, `3m 20s`, `2h 05m`, `3d 4h`.
 * @param {number | null | undefined} seconds
 * @returns {string}
 */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const s = Math.max(0, seconds);
  if (s < 1) return `${s.toFixed(2)}s`;
  if (s < 10) return `${s.toFixed(1)}s`;
  if (s < 60) return `${Math.floor(s)}s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m}m ${pad(Math.floor(s % 60))}s`;
  const h = Math.floor(m / 60);
  if (h < 24) return `${h}h ${pad(m % 60)}m`;
  return `${Math.floor(h / 24)}d ${h % 24}h`;
}

/**
 * Return how long ago a moment was.
 * @param {number} at Unix seconds
 * @param {number} now Unix seconds
 * @returns {string}
 */
export function ago(at, now) {
  const s = now - at;
  if (s < 5) return "just now";
  if (s < 60) return `${Math.floor(s)}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ago`;
  return `${Math.floor(s / 86400)}d ago`;
}

/**
 * Return a moment in full.
 * @param {number} at Unix seconds
 * @returns {string}
 */
export function moment(at) {
  return new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/**
 * Return the time of day.
 * @param {number} at Unix seconds
 * @returns {string}
 */
export function clock(at) {
  const d = new Date(at * 1000);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map(pad).join(":");
}

/**
 * Return a count: `1 234`.
 * @param {number} value
 * @returns {string}
 */
export function count(value) {
  return value.toLocaleString("en").replaceAll(",", "\u202f");
}

/**
 * Return MiB in the unit that suits: `512 MiB`, `23.5 GiB`.
 * @param {number} mib
 * @returns {string}
 */
export function size(mib) {
  if (mib < 1024) return `${Math.round(mib)} MiB`;
  if (mib < 1024 * 1024) return `${(mib / 1024).toFixed(1)} GiB`;
  return `${(mib / 1024 / 1024).toFixed(1)} TiB`;
}

/**
 * Return a number and its noun: `1 task`, `3 tasks`.
 * @param {number} value
 * @param {string} noun
 * @returns {string}
 */
export function plural(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** @param {number} value */
function pad(value) {
  return String(value).padStart(2, "0");
}
