// @ts-check
/** Queues, a row each. */

import { count, length } from "../format.js";
import { html } from "../lib.js";
import { QueueLink } from "../parts.js";
import { Sparkline } from "../sparkline.js";
import { State } from "../states.js";

/** @param {{queues: any[]}} props */
export function QueueTable({ queues }) {
  return html`<div class="sheet scroll"><table>
    <thead><tr>
      <th scope="col">Queue</th><th scope="col">Last hour</th>
      <th scope="col" class="number">Waiting</th><th scope="col" class="number">Running</th>
      <th scope="col" class="number">Held back</th><th scope="col" class="number">Oldest</th>
      <th scope="col" class="number">Wait 95 %</th><th scope="col" class="number">Workers</th>
    </tr></thead>
    <tbody>${queues.map((queue) => html`<${Row} key=${queue.name} queue=${queue} />`)}</tbody>
  </table></div>`;
}

/** @param {{queue: any}} props */
function Row({ queue }) {
  const held = queue.delayed + queue.waiting_for_parents + queue.blocked;
  const isAlone = !queue.workers.length && queue.waiting > 0;
  return html`<tr>
    <th scope="row"><${QueueLink} name=${queue.name} /> ${queue.paused && html`<${State} state="paused" />`}</th>
    <td><${Sparkline} values=${queue.series?.length} label=${`waiting in ${queue.name}`} /></td>
    <td class="number">${count(queue.waiting)}</td>
    <td class="number">${count(queue.running)}</td>
    <td class="number" title="delayed, waiting for other tasks, or for a concurrency key">${count(held)}${queue.is_exact ? "" : "+"}</td>
    <td class="number">${length(queue.oldest_wait_s)}</td>
    <td class="number">${length(queue.wait_p95_s)}</td>
    <td class="number">${isAlone
      ? html`<span class="state paused" title=${`start one: rq-agent work --queues ${queue.name}`}>none listens</span>`
      : count(queue.workers.length)}</td>
  </tr>`;
}
