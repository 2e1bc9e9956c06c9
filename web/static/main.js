// @ts-check
/** The whole page: the bar, the banner, and what the address names. */

import { begin, isLoggedIn, logOut, session } from "./api.js";
import { Help, isHelpOpen, listen } from "./keys.js";
import { html, render, useEffect } from "./lib.js";
import { start, trouble } from "./live.js";
import { Loading } from "./parts.js";
import { Login, takeToken } from "./pages/login.js";
import { Overview } from "./pages/overview.js";
import { Queue } from "./pages/queue.js";
import { Queues } from "./pages/queues.js";
import { Task } from "./pages/task.js";
import { Tasks } from "./pages/tasks.js";
import { Worker } from "./pages/worker.js";
import { Workers } from "./pages/workers.js";
import { followLinks, go, place } from "./router.js";
import { visible } from "./text.js";

const NAVIGATION = [["/", "Overview"], ["/queues", "Queues"], ["/workers", "Workers"], ["/tasks", "Tasks"]];

/** @type {[RegExp, any, string][]} */
const PAGES = [
  [/^\/$/, Overview, "Overview"],
  [/^\/queues$/, Queues, "Queues"],
  [/^\/queues\/([^/]+)$/, Queue, "Queue"],
  [/^\/workers$/, Workers, "Workers"],
  [/^\/workers\/([^/]+)$/, Worker, "Worker"],
  [/^\/tasks$/, Tasks, "Tasks"],
  [/^\/tasks\/([^/]+)$/, Task, "Task"],
];

function App() {
  const { path } = place.value;
  const isIn = isLoggedIn.value;
  useEffect(() => { if (isIn && path === "/login") go("/", { replace: true }); }, [isIn, path]);
  if (isIn === null) return html`<main><${Loading} /></main>`;
  if (!isIn) return html`<${Login} />`;
  return html`
    <a class="skip" href="#main">Skip to content</a>
    <${Bar} path=${path} />
    ${trouble.value && html`<div class="banner" role="status">${visible(trouble.value)}</div>`}
    <main id="main" tabindex="-1"><${Page} path=${path} /></main>
    <${Help} />`;
}

/** @param {{path: string}} props */
function Bar({ path }) {
  const isIn = (/** @type {string} */ to) => (to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`));
  return html`<header class="bar">
    <a class="brand" href="/"><img src="/static/icon.svg" alt="" />rq-agent</a>
    <nav aria-label="Pages">
      ${NAVIGATION.map(([to, name]) => html`<a key=${to} href=${to} aria-current=${isIn(to) ? "page" : undefined}>${name}</a>`)}
    </nav>
    <div class="side">
      <span title="Namespace">${session.value?.namespace}</span>
      <button class="quiet" aria-label="Keys" title="Keys (?)" onClick=${() => { isHelpOpen.value = true; }}>?</button>
      <button class="quiet" onClick=${logOut}>Log out</button>
    </div>
  </header>`;
}

/** @param {{path: string}} props */
function Page({ path }) {
  for (const [pattern, Shown, title] of PAGES) {
    const found = pattern.exec(path);
    if (!found) continue;
    const name = found[1] ? decodeURIComponent(found[1]) : "";
    document.title = `${name || title} · rq-agent`;
    return html`<${Shown} key=${path} name=${name} />`;
  }
  return html`<h1>There is nothing here</h1><p><a href="/">Overview</a></p>`;
}

async function main() {
  listen();
  followLinks();
  start();
  render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
  if (await takeToken()) return;
  try {
    await begin();
  } catch (error) {
    trouble.value = String(/** @type {Error} */ (error).message);
    isLoggedIn.value = false;
  }
}

main();
