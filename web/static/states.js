// @ts-check
/** States of tasks and workers: a word and a sign for each, so that colour is never all. */

import { html } from "./lib.js";
import { visible } from "./text.js";

export const STATES = [
  "draft", "waiting", "delayed", "queued", "blocked", "running", "succeeded", "failed", "errored",
  "timed_out", "cancelled", "skipped", "expired", "dead",
];

const RING = "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2z";
const CLOCK = `${RING} M8 5v3.2l2.2 1.4`;

/** @type {Record<string, string>} */
const SIGNS = {
  draft: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
  waiting: "M4 4v8 M8 4v8 M12 4v8",
  delayed: CLOCK,
  queued: RING,
  blocked: `${RING} M5 8h6`,
  running: "M5 3.2l8 4.8-8 4.8z",
  succeeded: "M3 8.4l3.4 3.4L13 4.8",
  failed: "M4 4l8 8 M12 4l-8 8",
  errored: "M8 2.4L14.4 13.4H1.6z M8 6.4v3.4 M8 11.5v.3",
  timed_out: CLOCK,
  cancelled: `${RING} M4 12l8-8`,
  skipped: "M3.5 4l5 4-5 4z M12 4v8",
  expired: "M4.5 2.5h7 M4.5 13.5h7 M5 2.8c0 4 6 6.400 6 10.400 M11 2.800c0 4-6 6.400-6 10.400",
  dead: `${RING} M5.500 5.500l5 5 M10.500 5.500l-5 5`,
  idle: RING,
  busy: "M5 3.2l8 4.8-8 4.8z",
  draining: "M8 2.500v9 M4.500 8.500L8 12l3.500-3.500",
  paused: "M5.500 3.500v9 M10.500 3.500v9",
};

/**
 * Return a state as people see it.
 * @param {{state: string, detail?: string}} props
 */
export function State({ state, detail = "" }) {
  const word = state.replaceAll("_", " ");
  const known = SIGNS[state] ? state : "";
  return html`<span class="state ${known}">
    <svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6"
      stroke-linecap="round" stroke-linejoin="round"><path d=${SIGNS[state] ?? RING} /></svg>
    ${visible(word)}${detail && ` (${visible(detail)})`}
  </span>`;
}

/**
 * Return the state of a task, with what explains it.
 * @param {{task: any, isLong?: boolean}} props
 */
export function TaskState({ task, isLong = false }) {
  let detail = "";
  if (task.state === "running") {
    if (task.cancel_requested) detail = "stopping";
    else if (task.hanging_since) detail = "hangs";
    else if (task.phase && task.phase !== "running") detail = task.phase;
  } else if (task.reason && task.reason !== task.state) {
    detail = isLong || task.reason.length <= 28 ? task.reason : `${task.reason.slice(0, 27)}…`;
  }
  return html`<${State} state=${task.state} detail=${detail} />`;
}
