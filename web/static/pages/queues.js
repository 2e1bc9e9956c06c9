// @ts-check
/** All queues. */

import { html } from "../lib.js";
import { Empty, Loading, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { QueueTable } from "./queue_table.js";

export function Queues() {
  const { data, error } = useResource("/queues", { topics: ["queues", "workers"] });
  return html`<h1>Queues</h1>
    <${Trouble} error=${error} />
    ${!data ? !error && html`<${Loading} />` : data.queues.length
      ? html`<${QueueTable} queues=${data.queues} />`
      : html`<${Empty} command="rq-agent submit script.py">No queues yet: one appears with its first task.<//>`}`;
}
