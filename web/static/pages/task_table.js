// @ts-check
/** Tasks, a row each. */

import { length } from "../format.js";
import { html } from "../lib.js";
import { now } from "../live.js";
import { Ago, Name, QueueLink, TaskLink, WorkerLink } from "../parts.js";
import { TaskState } from "../states.js";

/** @param {{tasks: any[]}} props */
export function TaskTable({ tasks }) {
  return html`<div class="sheet scroll"><table>
    <thead><tr>
      <th scope="col">Task</th><th scope="col">State</th><th scope="col">Queue</th>
      <th scope="col" class="number">Place</th><th scope="col">Worker</th><th scope="col">User</th>
      <th scope="col" class="number">Time</th><th scope="col" class="number">Submitted</th><th scope="col">Id</th>
    </tr></thead>
    <tbody>${tasks.map((task) => html`<${Row} key=${task.id} task=${task} />`)}</tbody>
  </table></div>`;
}

/** @param {{task: any}} props */
function Row({ task }) {
  return html`<tr>
    <th scope="row" class="name"><${TaskLink} task=${task} /></th>
    <td><${TaskState} task=${task} /></td>
    <td><${QueueLink} name=${task.queue} /></td>
    <td class="number">${task.position ?? ""}</td>
    <td><${WorkerLink} name=${task.worker} /></td>
    <td><${Name} text=${task.user} most=${24} /></td>
    <td class="number"><${Took} task=${task} /></td>
    <td class="number"><${Ago} at=${task.created_at} /></td>
    <td class="mono faint">${task.id}</td>
  </tr>`;
}

/** How long it ran, or has waited. @param {{task: any}} props */
export function Took({ task }) {
  if (task.started_at !== null) return length((task.finished_at ?? now.value) - task.started_at);
  const since = task.queued_at ?? task.created_at;
  if (since === null || task.finished_at !== null) return "";
  return html`<span class="faint" title="waited so far">${length(now.value - since)}</span>`;
}
