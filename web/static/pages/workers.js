// @ts-check
/** All live workers. */

import { html } from "../lib.js";
import { Empty, Loading, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { WorkerTable } from "./worker_table.js";

export function Workers() {
  const { data, error } = useResource("/workers", { topics: ["workers", "tasks"], everyMs: 5_000 });
  return html`<h1>Workers</h1>
    <${Trouble} error=${error} />
    ${!data ? !error && html`<${Loading} />` : data.workers.length
      ? html`<${WorkerTable} workers=${data.workers} />`
      : html`<${Empty} command="rq-agent work --queues default">No live workers.<//>`}`;
}
