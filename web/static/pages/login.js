// @ts-check
/** For those who are not logged in. */

import { begin, isLoggedIn, logIn } from "../api.js";
import { html, signal } from "../lib.js";
import { visible } from "../text.js";

const refusal = signal("");

/**
 * Use the token behind the `#` of a login link, and take it out of the address and the history.
 * @returns {Promise<boolean>} whether there was one
 */
export async function takeToken() {
  const token = location.pathname === "/login" ? location.hash.slice(1) : "";
  if (!token) return false;
  history.replaceState(null, "", "/login");
  try {
    await logIn(token);
  } catch (error) {
    await begin().catch(() => {});  // an old link of somebody who is logged in already
    if (isLoggedIn.value) return true;
    refusal.value = /** @type {Error} */ (error).message;
    isLoggedIn.value = false;
  }
  return true;
}

export function Login() {
  return html`<main>
    <div class="card sheet">
      <h1>Log in to rq-agent</h1>
      ${refusal.value && html`<p class="trouble" role="alert">${visible(refusal.value)}</p>`}
      <p>On the machine where the dashboard runs, as its user, type</p>
      <code>rq-agent web --link</code>
      <p>and open the link that it prints. It works once, for ten minutes.</p>
    </div>
  </main>`;
}
