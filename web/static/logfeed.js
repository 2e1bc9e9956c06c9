// @ts-check
/** The output of one task as it comes. The browser connects again by itself, right where it was. */

import { begin } from "./api.js";
import { whenSeen } from "./attention.js";
import { Lines } from "./lines.js";

const EVENTS = ["output", "attempt", "end", "state", "broker"];
const RETRY_MS = 3_000;

export class LogFeed {
  /**
   * @param {string} id of the task
   * @param {() => void} changed called when there is something new
   */
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.lines = new Lines();
    /** `connecting`, `live`, `ended` or `away`. */
    this.state = "connecting";
    this.last = "";
    this.fence = 0;
    /** @type {EventSource | null} */
    this.source = null;
    this.timer = 0;
    this.forget = whenSeen(() => this.disconnect(), () => this.open());
    this.open();
  }

  open() {
    if (this.source || this.state === "ended") return;
    const after = this.last ? `?after=${encodeURIComponent(this.last)}` : "";
    const source = new EventSource(`/api/v1/tasks/${encodeURIComponent(this.id)}/log/stream${after}`);
    this.source = source;
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => this.receive(name, /** @type {MessageEvent} */ (event)));
    }
    source.onopen = () => this.become("live");
    source.onerror = () => {
      this.become("away");
      if (source.readyState !== EventSource.CLOSED) return;
      this.disconnect();
      this.retry();
    };
  }

  retry() {
    this.timer = setTimeout(async () => {
      await begin().catch(() => {});
      this.open();
    }, RETRY_MS);
  }

  /**
   * @param {string} name
   * @param {MessageEvent} event
   */
  receive(name, event) {
    if (event.lastEventId) this.last = event.lastEventId;
    const message = JSON.parse(event.data);
    if (name === "output") for (const entry of message.entries) this.lines.add(entry);
    if (name === "attempt") this.begin(message);
    if (name === "broker") this.become(message.away ? "away" : "live");
    if (name === "end") {
      this.become("ended");
      this.close();
    }
    this.changed();
  }

  /** @param {{fence: number, attempt: number}} message */
  begin(message) {
    if (this.lines.all.length) this.lines.note(`attempt ${message.attempt}`, Date.now() / 1000);
    this.lines.streams.clear();
    this.fence = message.fence;
  }

  /** @param {string} state */
  become(state) {
    this.state = state;
    this.changed();
  }

  disconnect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  close() {
    this.forget();
    this.disconnect();
  }
}
