// @ts-check
/** One task: what it is, what happened to it, its output. */

import { length, plural } from "../format.js";
import { html, useMemo } from "../lib.js";
import { now } from "../live.js";
import { LogView } from "../logview.js";
import { Ago, Clock, Loading, Name, QueueLink, Trouble, WorkerLink } from "../parts.js";
import { useResource } from "../resource.js";
import { TaskState } from "../states.js";
import { visible } from "../text.js";
import { need } from "./queue.js";
import { Took } from "./task_table.js";

/** @param {{name: string}} props the task's id */
export function Task({ name }) {
  const { data, error } = useResource(`/tasks/${encodeURIComponent(name)}`, {
    topics: ["tasks"],
    when: (message) => message.more || message.tasks.some((/** @type {any} */ each) => each.id === name),
  });
  return html`
    <p class="crumb"><a href="/tasks">Tasks</a></p>
    ${!data ? html`<h1><${Name} text=${name} /></h1>` : html`<div class="head">
      <h1><${Name} text=${data.name || data.id} /></h1>
      <${TaskState} task=${data} isLong=${true} />
      <span class="faint mono">${data.id}</span>
    </div>`}
    <${Trouble} error=${error} />
    ${data ? html`<${Known} task=${data} />` : !error && html`<${Loading} />`}`;
}

/** @param {{task: any}} props */
function Known({ task }) {
  return html`
    ${task.waits.length > 0 && html`<p class="sheet facts"><span class="faint">Waits</span><span><${Name} text=${task.waits[0].text} most=${400} />${task.waits[0].hint && html` <code>${visible(task.waits[0].hint)}</code>`}</span></p>`}
    <${Result} task=${task} />
    <h2>Output</h2>
    <${LogView} id=${task.id} />
    <div class="columns">
      <section><h2>About</h2><${About} task=${task} /></section>
      <section>
        <h2>What happened</h2><${Timeline} history=${task.history} isFinal=${task.finished_at !== null} />
        <${Params} task=${task} />
      </section>
    </div>`;
}

/** @param {{task: any}} props */
function About({ task }) {
  const { code, entry, environment } = task;
  return html`<dl class="facts sheet">
    <dt>Queue</dt><dd><${QueueLink} name=${task.queue} /> <span class="faint">priority ${task.priority}${task.position ? `, place ${task.position}` : ""}</span></dd>
    ${task.worker && html`<dt>Worker</dt><dd><${WorkerLink} name=${task.worker} /></dd>`}
    <dt>User</dt><dd><${Name} text=${task.user} /></dd>
    <dt>Submitted</dt><dd><${Ago} at=${task.created_at} /></dd>
    <dt>${task.started_at === null ? "Waits for" : "Ran for"}</dt><dd><${Took} task=${task} /></dd>
    <dt>Attempt</dt><dd>${task.attempt}${task.lost ? html` <span class="faint">lost ${task.lost} times</span>` : ""}</dd>
    ${task.exit_code !== null && html`<dt>Exit code</dt><dd>${task.exit_code}</dd>`}
    ${task.reason && html`<dt>Reason</dt><dd>${visible(task.reason)}</dd>`}
    <dt>Needs</dt><dd>${need(task.needs)}${task.timeout_s ? `, at most ${length(task.timeout_s)}` : ""}</dd>
    ${Object.keys(task.labels).length > 0 && html`<dt>Labels</dt><dd>${Object.entries(task.labels).map(([key, value]) => html`<a class="label-chip" href=${`/tasks?label=${encodeURIComponent(`${key}=${value}`)}`}><${Name} text=${value ? `${key}=${value}` : key} /></a>`)}</dd>`}
    ${task.retry.startsWith("restart ") && html`<dt>Restarts</dt><dd>${task.retry.includes("always") ? "after every end" : "when it fails"}</dd>`}
    ${task.isolation > 0 && html`<dt>Isolation</dt><dd>${task.isolation > 3 ? "alone in its process, since it broke one that it shared" : "few others in its process, since one that it was in died"}</dd>`}
    ${entry?.function && html`<dt>Function</dt><dd class="mono"><${Name} text=${entry.function.name} most=${300} /> <span class="faint">${entry.function.kind === "coroutine" ? "a coroutine" : "a process"}</span></dd>`}
    ${task.asked?.call && html`<dt>Called with</dt><dd class="mono"><${Name} text=${task.asked.call} most=${300} /></dd>`}
    ${entry && html`<dt>Script</dt><dd class="mono"><${Name} text=${entry.script} most=${300} /></dd>`}
    ${code?.origin_commit && html`<dt>Commit</dt><dd><span class="mono">${visible(code.origin_commit.slice(0, 12))}</span> ${code.origin_branch && html`<span class="faint">on <${Name} text=${code.origin_branch} /></span>`}${code.dirty ? html` <span class="faint">and changes that were not committed</span>` : ""}</dd>`}
    ${environment && html`<dt>Environment</dt><dd>${environment.requirements.length} packages <span class="faint">from ${visible(environment.source)}${environment.python && `, Python ${visible(environment.python)}`}</span></dd>`}
    ${!entry && html`<dt>Definition</dt><dd class="faint">it can't be read</dd>`}
  </dl>`;
}

/** What a function returned. @param {{task: any}} props */
function Result({ task }) {
  if (!task.result) return null;
  return html`<h2>Result</h2><pre class="result sheet">${visible(pretty(task.result))}</pre>
    ${task.result.length < task.result_bytes && html`<p class="faint">${plural(task.result_bytes, "byte")} in all: <code>rq-agent result ${task.id}</code></p>`}`;
}

/**
 * Return JSON in lines; what is none, or only the beginning of some, as it is. So is what has numbers
 * that a browser would round.
 * @param {string} text
 */
function pretty(text) {
  if (/\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {{history: {at: number, event: string, detail: string}[], isFinal: boolean}} props */
function Timeline({ history, isFinal }) {
  const last = history[history.length - 1];
  return html`<ol class="timeline sheet">
    ${history.map((step, n) => html`<li key=${n}>
      <${Clock} at=${step.at} />
      <span>${step.event === "release" ? "given back" : visible(step.event.replaceAll("_", " "))} <span class="faint"><${Name} text=${step.detail} most=${200} /></span>
        ${n > 0 && step.at - history[n - 1].at >= 1 && html` <span class="gap">after ${length(step.at - history[n - 1].at)}</span>`}</span>
    </li>`)}
    ${last && !isFinal && html`<li><span></span><span class="gap">for ${length(now.value - last.at)} now</span></li>`}
    ${!history.length && html`<li class="wide"><span class="faint">nothing yet but that it was submitted</span></li>`}
  </ol>`;
}

/** @param {{task: any}} props */
function Params({ task }) {
  const names = useMemo(
    () => [...new Set([...Object.keys(task.params), ...Object.keys(task.used)])].sort(),
    [task.params, task.used],
  );
  if (!names.length) return null;
  return html`<h2>Parameters</h2>
    <div class="sheet scroll"><table class="small">
      <thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Set by</th></tr></thead>
      <tbody>${names.map((name) => html`<tr key=${name}>
        <th scope="row" class="mono"><${Name} text=${name} /></th>
        <td class="mono"><${Name} text=${task.used[name] ?? task.params[name]} most=${300} /></td>
        <td class="faint">${name in task.params ? "--set" : "the script"}</td>
      </tr>`)}</tbody>
    </table></div>`;
}
