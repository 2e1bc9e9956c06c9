// @ts-check
/** Questions to the server. */

import { signal } from "./lib.js";

/** Whether somebody is logged in; null: not known yet. */
export const isLoggedIn = signal(/** @type {boolean | null} */ (null));
/** What this is a dashboard of. */
export const session = signal(/** @type {{namespace: string, version: string} | null} */ (null));

/** What the server said no with, or that it did not answer (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Return what the server answers.
 * @param {string} path below /api/v1
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "the server of this page does not answer; is rq-agent web still running?");
  }
  const content = await response.json().catch(() => ({}));
  if (response.ok) return content;
  if (response.status === 401) isLoggedIn.value = false;
  throw new ApiError(response.status, content.error?.message ?? `the server answered ${response.status}`);
}

/** Find out whether we are logged in. */
export async function begin() {
  const found = await ask("/session");
  session.value = found;
  isLoggedIn.value = found.logged_in;
}

/**
 * Exchange the token of a login link.
 * @param {string} token
 */
export async function logIn(token) {
  await ask("/login", { method: "POST", body: JSON.stringify({ token }) });
  await begin();
}

/** Leave. */
export async function logOut() {
  await ask("/logout", { method: "POST" });
  isLoggedIn.value = false;
}
