// @ts-check
/** One queue: its lines, what is ready in it, who serves it. */

import { Chart } from "../chart.js";
import { count, length, plural, size } from "../format.js";
import { html, useMemo } from "../lib.js";
import { Empty, Loading, Name, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { go, place, withQuery } from "../router.js";
import { State } from "../states.js";
import { TaskTable } from "./task_table.js";
import { WorkerTable } from "./worker_table.js";

const PERIODS = [["60", "1 hour"], ["180", "3 hours"], ["1440", "1 day"], ["10080", "7 days"]];

/** @param {{name: string}} props */
export function Queue({ name }) {
  const minutes = place.value.query.get("minutes") ?? "180";
  const { data, error } = useResource(
    `/queues/${encodeURIComponent(name)}?minutes=${encodeURIComponent(minutes)}`,
    { topics: ["queues"], when: (message) => message.more || message.queues.includes(name), everyMs: 15_000 },
  );
  return html`
    <p class="crumb"><a href="/queues">Queues</a></p>
    <div class="head"><h1><${Name} text=${name} /></h1>${data?.paused && html`<${State} state="paused" />`}
      <span class="faint">${data && words(data)}</span></div>
    <${Trouble} error=${error} />
    ${data ? html`<${Lines} data=${data} minutes=${minutes} /><${Rest} data=${data} />` : !error && html`<${Loading} />`}`;
}

/** @param {{data: any, minutes: string}} props */
function Lines({ data, minutes }) {
  const { series } = data;
  const times = useMemo(() => series.until_ms.map((/** @type {number} */ ms) => ms / 1000), [series]);
  const lengths = useMemo(() => [{ label: "waiting", colour: "accent", values: series.length, isArea: true }], [series]);
  const waits = useMemo(() => [
    { label: "half waited at most", colour: "good", values: series.wait_p50_s },
    { label: "95 % waited at most", colour: "warn", values: series.wait_p95_s },
  ], [series]);
  return html`
    <div class="filters"><label>Period
      <select value=${minutes} onChange=${(/** @type {any} */ event) => go(withQuery({ minutes: event.target.value }), { replace: true })}>
        ${PERIODS.map(([value, label]) => html`<option key=${value} value=${value} selected=${value === minutes}>${label}</option>`)}
      </select></label></div>
    <div class="columns">
      <${Chart} title="Tasks that wait" times=${times} lines=${lengths} format=${(/** @type {any} */ n) => (n === null || n === undefined ? "" : count(Math.round(n)))} />
      <${Chart} title="Wait until a worker takes them" times=${times} lines=${waits} format=${length} />
    </div>`;
}

/** @param {{data: any}} props */
function Rest({ data }) {
  const tasks = useResource(`/tasks?queue=${encodeURIComponent(data.name)}&limit=10`, { topics: ["tasks"] });
  return html`
    ${data.ready.length > 0 && html`<h2>Ready, by what they need</h2>
      <div class="sheet scroll"><table><thead><tr><th scope="col">Need</th><th scope="col" class="number">Tasks</th></tr></thead>
      <tbody>${data.ready.map((/** @type {any} */ each) => html`<tr key=${each.shape}><td>${need(each.need)}</td><td class="number">${count(each.count)}</td></tr>`)}</tbody></table></div>`}
    <h2>Workers</h2>
    ${data.workers.length
      ? html`<${WorkerTable} workers=${data.workers} />`
      : html`<${Empty} command=${`rq-agent work ${data.ready.some((/** @type {any} */ each) => each.need?.light) ? "--services 100 " : ""}--queues ${data.name}`}>No live worker takes tasks from this queue.<//>`}
    <h2>Newest tasks</h2>
    ${tasks.data && html`<${TaskTable} tasks=${tasks.data.tasks} />`}
    <p><a href="/tasks?queue=${encodeURIComponent(data.name)}">All tasks of this queue</a></p>`;
}

/** @param {any} data */
function words(data) {
  const rates = data.a_second;
  return [
    `${count(data.waiting)} waiting`, `${count(data.running)} running`,
    rates.finished ? `${(rates.finished * 60).toFixed(1)} end a minute` : "",
    data.max_running === null ? "" : `at most ${data.max_running} at once`,
    data.weight === 1 ? "" : `weight ${data.weight}`,
  ].filter(Boolean).join(" · ");
}

/** @param {any} need */
export function need(need) {
  if (!need) return "not readable by this version";
  const parts = [
    need.gpus ? plural(need.gpus, "GPU") : "",
    need.cpus ? plural(need.cpus, "CPU") : "",
    need.mem_mib ? size(need.mem_mib) : "",
    need.light ? "a service slot" : "",
  ].filter(Boolean);
  return parts.join(", ") || "a slot";
}
