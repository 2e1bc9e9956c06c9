// @ts-check
/** One worker: the machine, what it runs, what ended there. */

import { count, length, size } from "../format.js";
import { html } from "../lib.js";
import { Ago, Empty, Loading, Meter, Name, QueueLink, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { State } from "../states.js";
import { Hosts, SubWorkers } from "./sub_workers.js";
import { TaskTable } from "./task_table.js";
import { Cpu, Memory, Slots } from "./worker_table.js";

/** @param {{name: string}} props */
export function Worker({ name }) {
  const { data, error } = useResource(`/workers/${encodeURIComponent(name)}`, {
    topics: ["workers", "tasks"], everyMs: 5_000,
    when: (message) => message.tasks || message.more || message.workers.includes(name),
  });
  return html`
    <p class="crumb"><a href="/workers">Workers</a></p>
    <div class="head"><h1><${Name} text=${name} /></h1>${data && html`<${State} state=${data.state} detail=${data.facts.reason} />`}</div>
    <${Trouble} error=${error} />
    ${data ? html`<${Facts} worker=${data} /><${Gpus} gpus=${data.load?.gpus ?? []} />
      <${Hosts} hosts=${data.hosts} />
      <h2>Runs now</h2>
      ${data.sub_workers.length ? html`<${SubWorkers} tasks=${data.sub_workers} all=${data.runs} />`
      : data.tasks.length ? html`<${TaskTable} tasks=${data.tasks} />` : html`<${Empty}>Nothing runs here.<//>`}`
    : !error && html`<${Loading} />`}`;
}

/** @param {{worker: any}} props */
function Facts({ worker }) {
  const { load } = worker;
  return html`<div class="columns">
    <dl class="facts sheet">
      <dt>Queues</dt><dd>${worker.queues.map((/** @type {string} */ name, /** @type {number} */ n) => html`${n ? ", " : ""}<${QueueLink} name=${name} />`)} <span class="faint">(${worker.mode})</span></dd>
      <dt>Slots</dt><dd><${Slots} worker=${worker} /></dd>
      <dt>GPUs</dt><dd>${worker.gpus.length ? worker.gpus.join(", ") : "none"}</dd>
      ${Object.keys(worker.labels).length > 0 && html`<dt>Labels</dt><dd>${Object.entries(worker.labels).map(([key, value]) => html`<span class="label-chip"><${Name} text=${`${key}=${value}`} /></span>`)}</dd>`}
      ${worker.hours && html`<dt>Hours</dt><dd><${Name} text=${worker.hours} /></dd>`}
      <dt>Host</dt><dd><${Name} text=${worker.host} /> <span class="faint">process ${worker.pid}</span></dd>
      <dt>Version</dt><dd><${Name} text=${worker.version} /></dd>
      <dt>Started</dt><dd><${Ago} at=${worker.started_at} /></dd>
      <dt>Heard of</dt><dd>${worker.beat_age_s === null ? "" : `${length(worker.beat_age_s)} ago`}</dd>
    </dl>
    <dl class="facts sheet">
      <dt>CPU</dt><dd><${Cpu} load=${load} /> <span class="faint">${load?.cpu_count ? `of ${load.cpu_count} cores` : "not told"}</span></dd>
      <dt>Load</dt><dd>${load?.load1 ?? ""}</dd>
      <dt>Memory</dt><dd><${Memory} load=${load} /></dd>
      <dt>Disk</dt><dd><${Disk} load=${load} /></dd>
      <dt>Tasks ended</dt><dd>${worker.facts.ended ? count(Number(worker.facts.ended)) : ""}</dd>
    </dl>
  </div>`;
}

/** @param {{load: any}} props */
function Disk({ load }) {
  if (!load?.disk_total_mib) return null;
  const words = `${size(load.disk_free_mib)} free of ${size(load.disk_total_mib)}`;
  return html`<${Meter} label="Disk" used=${load.disk_total_mib - load.disk_free_mib} most=${load.disk_total_mib} words=${words} />`;
}

/** @param {{gpus: any[]}} props */
function Gpus({ gpus }) {
  if (!gpus.length) return null;
  const percent = (/** @type {number | null | undefined} */ n) => n ?? 0;
  return html`<h2>GPUs</h2><div class="sheet scroll"><table>
    <thead><tr><th scope="col">GPU</th><th scope="col">Model</th><th scope="col">Used</th><th scope="col">Memory</th><th scope="col" class="number">°C</th><th scope="col" class="number">W</th></tr></thead>
    <tbody>${gpus.map((gpu) => html`<tr key=${gpu.index}>
      <th scope="row">${gpu.index}</th><td><${Name} text=${gpu.name ?? ""} /></td>
      <td><${Meter} label=${`GPU ${gpu.index}`} used=${percent(gpu.used_percent)} most=${100} words=${`${percent(gpu.used_percent)} %`} /></td>
      <td>${gpu.mem_total_mib && html`<${Meter} label=${`memory of GPU ${gpu.index}`} used=${percent(gpu.mem_used_mib)} most=${gpu.mem_total_mib} words=${`${size(percent(gpu.mem_used_mib))} of ${size(gpu.mem_total_mib)}`} />`}</td>
      <td class="number">${gpu.temperature_c}</td><td class="number">${gpu.power_w}</td>
    </tr>`)}</tbody></table></div>`;
}
