// @ts-check
/** The fleet at a glance. */

import { length, plural } from "../format.js";
import { html } from "../lib.js";
import { Empty, Loading, Tile, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { QueueTable } from "./queue_table.js";

const BEFORE = ["queued", "delayed", "waiting", "blocked"];
const BAD = ["failed", "errored", "timed_out", "dead"];

export function Overview() {
  const { data, error } = useResource("/overview", { topics: ["tasks", "queues", "workers"], everyMs: 10_000 });
  if (!data) return html`<h1>Overview</h1>${error ? html`<${Trouble} error=${error} />` : html`<${Loading} />`}`;
  return html`<h1>Overview</h1>
    <${Tiles} data=${data} />
    <h2>Queues</h2>
    ${data.queues.length
      ? html`<${QueueTable} queues=${data.queues} />`
      : html`<${Empty} command="rq-agent submit script.py">No queues yet: one appears with its first task.<//>`}`;
}

/** @param {{data: any}} props */
function Tiles({ data }) {
  const { workers, tasks, hour } = data;
  const waiting = sum(tasks, BEFORE);
  const bad = sum(hour, BAD);
  const others = Object.entries(workers.states).map(([state, n]) => `${n} ${state}`).join(", ");
  const held = BEFORE.slice(1).filter((state) => tasks[state]).map((state) => `${tasks[state]} ${state}`).join(", ");
  const slots = workers.slots ? html`${tasks.running} <small>of ${plural(workers.slots, "slot")}</small>` : tasks.running;
  return html`<div class="tiles">
    <${Tile} label="Workers" figure=${workers.live} href="/workers"
      note=${workers.live ? others : "none: rq-agent work"} />
    <${Tile} label="Running" figure=${slots} href="/tasks?state=running"
      note=${workers.gpus ? `${plural(workers.gpus, "GPU")} in the fleet` : ""} />
    <${Tile} label="Waiting" figure=${waiting} href="/tasks?state=queued"
      note=${held || (waiting ? "ready for a worker" : "nothing waits")} />
    <${Tile} label="Failed in the last hour" figure=${bad} href="/tasks?state=failed" isBad=${bad > 0}
      note=${`of ${plural(data.hour_finished, "task")} that ended`} />
    <${Tile} label="Slowest queue, 95 % wait" figure=${length(data.wait_p95_s) || "–"} href="/queues"
      note="at most, in the last hour" />
  </div>`;
}

/**
 * @param {Record<string, number>} counts
 * @param {string[]} names
 */
function sum(counts, names) {
  return names.reduce((total, name) => total + (counts[name] ?? 0), 0);
}
