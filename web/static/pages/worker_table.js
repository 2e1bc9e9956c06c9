// @ts-check
/** Workers, a row each. */

import { count, length, size } from "../format.js";
import { html } from "../lib.js";
import { Meter, Name, QueueLink, WorkerLink } from "../parts.js";
import { State } from "../states.js";

/** @param {{workers: any[]}} props */
export function WorkerTable({ workers }) {
  return html`<div class="sheet scroll"><table>
    <thead><tr>
      <th scope="col">Worker</th><th scope="col">State</th><th scope="col">Queues</th>
      <th scope="col">Slots</th><th scope="col">CPU</th><th scope="col">Memory</th><th scope="col">GPUs</th>
      <th scope="col">Host</th><th scope="col" class="number">Heard of</th>
    </tr></thead>
    <tbody>${workers.map((worker) => html`<${Row} key=${worker.name} worker=${worker} />`)}</tbody>
  </table></div>`;
}

/** @param {{worker: any}} props */
function Row({ worker }) {
  return html`<tr>
    <th scope="row"><${WorkerLink} name=${worker.name} /></th>
    <td><${State} state=${worker.state} /></td>
    <td>${worker.queues.map((/** @type {string} */ name, /** @type {number} */ n) => html`${n ? ", " : ""}<${QueueLink} name=${name} />`)}</td>
    <td><${Slots} worker=${worker} /></td>
    <td><${Cpu} load=${worker.load} /></td>
    <td><${Memory} load=${worker.load} /></td>
    <td>${worker.gpus.length ? html`<${Gpus} worker=${worker} />` : html`<span class="faint">none</span>`}</td>
    <td><${Name} text=${worker.host} most=${40} /></td>
    <td class="number">${worker.beat_age_s === null ? "" : `${length(worker.beat_age_s)} ago`}</td>
  </tr>`;
}

/** @param {{worker: any}} props */
export function Slots({ worker }) {
  const used = worker.runs;
  if (worker.slots === null) return count(used);
  const most = worker.slots === worker.services ? worker.slots : worker.slots + worker.services;
  const words = `${count(used)} of ${count(most)}${worker.services ? " (services)" : ""}`;
  return html`<${Meter} label="Slots" used=${used} most=${most} words=${words} />`;
}

/** @param {{load: any}} props */
export function Cpu({ load }) {
  if (load?.cpu_percent === null || load?.cpu_percent === undefined) return null;
  return html`<${Meter} label="CPU" used=${load.cpu_percent} most=${100} words=${`${Math.round(load.cpu_percent)} %`} />`;
}

/** @param {{load: any}} props */
export function Memory({ load }) {
  if (!load?.mem_total_mib) return null;
  const words = `${size(load.mem_used_mib)} of ${size(load.mem_total_mib)}`;
  return html`<${Meter} label="Memory" used=${load.mem_used_mib} most=${load.mem_total_mib} words=${words} />`;
}

/** @param {{worker: any}} props */
function Gpus({ worker }) {
  const known = worker.load?.gpus ?? [];
  if (!known.length) return count(worker.gpus.length);
  const used = known.map((/** @type {any} */ gpu) => (gpu.used_percent === null || gpu.used_percent === undefined ? "?" : `${gpu.used_percent} %`));
  return html`<span title=${known.map((/** @type {any} */ gpu) => gpu.name).join(", ")}>${count(worker.gpus.length)}: ${used.join(", ")}</span>`;
}
