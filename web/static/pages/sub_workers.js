// @ts-check
/** What a worker in services mode runs: its processes, and the light tasks in them. */

import { count, length, plural, size } from "../format.js";
import { html } from "../lib.js";
import { Ago, Name, QueueLink, TaskLink } from "../parts.js";
import { State } from "../states.js";

/** @param {{hosts: any[]}} props */
export function Hosts({ hosts }) {
  if (!hosts.length) return null;
  return html`<h2>Processes</h2><div class="sheet scroll"><table>
    <thead><tr><th scope="col">Number</th><th scope="col">Runs</th><th scope="col" class="number">Tasks</th><th scope="col" class="number">Memory</th><th scope="col" class="number">Lag</th><th scope="col" class="number">Process</th><th scope="col" class="number">Started</th></tr></thead>
    <tbody>${hosts.map((host) => html`<tr key=${host.number}>
      <th scope="row">${host.number}</th>
      <td>${host.kind === "coroutine" ? "coroutines" : "a process for each task"}</td>
      <td class="number">${count(host.tasks)}</td><td class="number">${size(host.rss_mib)}</td>
      <td class="number">${host.kind === "coroutine" ? `${Math.round(host.lag_ms)} ms` : ""}</td>
      <td class="number">${host.pid}</td><td class="number"><${Ago} at=${host.started_at} /></td>
    </tr>`)}</tbody></table></div>`;
}

/** @param {{tasks: any[], all: number}} props the newest, and how many there are */
export function SubWorkers({ tasks, all }) {
  const rest = all - tasks.length;
  return html`<div class="sheet scroll"><table>
    <thead><tr><th scope="col">Task</th><th scope="col">State</th><th scope="col">Queue</th><th scope="col" class="number">Runs for</th><th scope="col" class="number">Memory</th><th scope="col" class="number">Lease</th><th scope="col">Sub-worker</th></tr></thead>
    <tbody>${tasks.map((task) => html`<tr key=${task.id}>
      <th scope="row" class="name"><${TaskLink} task=${task} /></th>
      <td><${State} state=${task.state} /></td>
      <td><${QueueLink} name=${task.queue} /></td>
      <td class="number">${length(task.run_s)}</td>
      <td class="number">${task.mem_mib === null ? "" : size(task.mem_mib)}${task.is_mem_shared ? html` <span class="faint">shared</span>` : ""}</td>
      <td class="number">${length(task.lease_s)}</td>
      <td class="mono faint"><${Name} text=${task.sub_worker} most=${100} /></td>
    </tr>`)}</tbody></table></div>
    ${rest > 0 && html`<p class="faint">and ${plural(rest, "older task")}</p>`}`;
}
