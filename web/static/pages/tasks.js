// @ts-check
/** All tasks, newest first; the address holds the filters, so that it can be kept and sent. */

import { count } from "../format.js";
import { html, useRef } from "../lib.js";
import { Empty, Loading, Trouble } from "../parts.js";
import { useResource } from "../resource.js";
import { go, place, withQuery } from "../router.js";
import { STATES } from "../states.js";
import { TaskTable } from "./task_table.js";

const FIELDS = ["queue", "name", "user", "label"];
const TYPING_MS = 300;

export function Tasks() {
  const { query } = place.value;
  const wanted = new URLSearchParams();
  for (const name of ["state", ...FIELDS, "before"]) {
    for (const value of query.getAll(name)) if (value) wanted.append(name, value);
  }
  const { data, error } = useResource(`/tasks?${wanted}`, { topics: ["tasks"] });
  const isFiltered = [...wanted.keys()].length > 0;
  return html`<h1>Tasks</h1>
    <${Filters} />
    <${Trouble} error=${error} />
    ${!data ? !error && html`<${Loading} />` : data.tasks.length
      ? html`<${TaskTable} tasks=${data.tasks} /><${Pager} data=${data} />`
      : isFiltered
        ? html`<${Empty}>No such tasks. <a href="/tasks">All tasks</a><//>`
        : html`<${Empty} command="rq-agent submit script.py">No tasks yet.<//>`}`;
}

function Filters() {
  const { query } = place.value;
  const timer = useRef(0);
  const set = (/** @type {string} */ name, /** @type {string} */ value) => go(withQuery({ [name]: value.trim(), before: "" }), { replace: true });
  const later = (/** @type {string} */ name) => (/** @type {any} */ event) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(set, TYPING_MS, name, event.target.value);
  };
  const states = query.getAll("state");
  return html`<form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <label>State
      <select value=${states[0] ?? ""} onChange=${(/** @type {any} */ event) => set("state", event.target.value)}>
        <option value="" selected=${!states.length}>any</option>
        ${STATES.map((state) => html`<option key=${state} value=${state} selected=${state === states[0]}>${state.replaceAll("_", " ")}</option>`)}
      </select>
    </label>
    ${FIELDS.map((name) => html`<label key=${name}>${name === "label" ? "Label" : name[0].toUpperCase() + name.slice(1)}
      <input type="search" name=${name} defaultValue=${query.get(name) ?? ""} placeholder=${name === "label" ? "key=value" : "exact"}
        autocomplete="off" spellcheck=${false} data-search=${name === "name" ? "" : undefined} onInput=${later(name)} />
    </label>`)}
  </form>`;
}

/** @param {{data: any}} props */
function Pager({ data }) {
  const isFirst = !place.value.query.get("before");
  return html`<nav class="pager" aria-label="Pages of tasks">
    ${!isFirst && html`<a class="button" href=${withQuery({ before: "" })}>Newest</a>`}
    ${data.before && html`<a class="button" href=${withQuery({ before: data.before })} rel="next">Older</a>`}
    <span>${data.count === null ? "" : `${count(data.count)} in all`}${data.truncated ? " · the search stopped early: there may be more" : ""}</span>
  </nav>`;
}
