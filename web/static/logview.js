// @ts-check
/** A window on the output of a task: only the lines that are in sight exist in the page. */

import { LogFeed } from "./logfeed.js";
import { Row } from "./logrow.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { FirstError, find } from "./logsearch.js";
import { count } from "./format.js";

const HEIGHT = 18;
const AROUND = 30;
/** Lines that the window is high, at least and at most. */
const LEAST = 6;
const MOST = 34;
const WORDS = { connecting: "connecting…", live: "live", ended: "the task has ended", away: "no connection; trying again" };

/** @param {{id: string}} props */
export function LogView({ id }) {
  const [version, redraw] = useState(0);
  const feed = useRef(/** @type {LogFeed | null} */ (null));
  useEffect(() => {
    let frame = 0;
    const changed = () => {
      frame ||= requestAnimationFrame(() => { frame = 0; redraw((n) => n + 1); });
    };
    feed.current = new LogFeed(id, changed);
    return () => {
      cancelAnimationFrame(frame);
      feed.current?.close();
    };
  }, [id]);
  if (!feed.current) return null;
  return html`<${Window} key=${id} id=${id} feed=${feed.current} version=${version} />`;
}

/** @param {{id: string, feed: LogFeed, version: number}} props `feed` changes in place; its version tells */
function Window({ id, feed }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const finder = useRef(new FirstError());
  const [view, setView] = useState({ top: 0, rows: 40 });
  const [follows, setFollows] = useState(true);
  const [paused, setPaused] = useState(/** @type {number | null} */ (null));
  const [times, setTimes] = useState(false);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(-1);
  const all = feed.lines.all;
  const shown = paused === null ? all.length : Math.min(paused, all.length);
  const error = finder.current.among(all, shown);
  const matches = words ? find(all, shown, words) : [];

  useLayoutEffect(() => {
    if (follows && place.current) place.current.scrollTop = place.current.scrollHeight;
  });

  const look = () => {
    const element = /** @type {HTMLElement} */ (place.current);
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < HEIGHT;
    if (isAtEnd !== follows) setFollows(isAtEnd);
    setView({ top: Math.floor(element.scrollTop / HEIGHT), rows: Math.ceil(element.clientHeight / HEIGHT) });
  };
  const jump = (/** @type {number} */ line) => {
    if (line < 0) return;
    setAt(line);
    setFollows(false);
    const element = /** @type {HTMLElement} */ (place.current);
    element.scrollTop = Math.max(0, line * HEIGHT - element.clientHeight / 3);
  };
  const next = (/** @type {number} */ step) => {
    if (!matches.length) return;
    const after = step > 0 ? matches.find((line) => line > at) : matches.findLast((line) => line < at);
    jump(after ?? (step > 0 ? matches[0] : matches[matches.length - 1]));
  };

  const first = Math.max(0, Math.min(view.top - AROUND, shown - 1));
  const last = Math.min(shown, view.top + view.rows + AROUND);
  return html`<section class="log sheet" aria-label="Output">
    <div class="tools">
      <input type="search" placeholder="Search the output" aria-label="Search the output" data-search value=${words}
        onInput=${(/** @type {any} */ event) => { setWords(event.target.value); setAt(-1); }}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") next(event.shiftKey ? -1 : 1); }} />
      <button disabled=${!matches.length} aria-label="Previous match" onClick=${() => next(-1)}>↑</button>
      <button disabled=${!matches.length} aria-label="Next match" onClick=${() => next(1)}>↓</button>
      <span class="count" role="status">${words && (matches.length ? `${matches.includes(at) ? `${matches.indexOf(at) + 1} of ` : ""}${count(matches.length)}` : "no match")}</span>
      <button onClick=${() => jump(error)} disabled=${error < 0}>First error</button>
      <button aria-pressed=${follows} onClick=${() => setFollows(!follows)}>Follow</button>
      <button aria-pressed=${paused !== null} onClick=${() => setPaused(paused === null ? all.length : null)}>Pause</button>
      <button aria-pressed=${times} onClick=${() => setTimes(!times)}>Times</button>
      <a class="button" href="/api/v1/tasks/${id}/log/raw" download>Download</a>
      <span class="status">${paused !== null && all.length > shown ? `${count(all.length - shown)} new lines · ` : ""}${count(shown)} lines · ${WORDS[/** @type {keyof WORDS} */ (feed.state)]}</span>
    </div>
    <div class="window" style=${{ height: `${Math.min(Math.max(shown, LEAST), MOST) * HEIGHT + 12}px` }} tabindex="0" role="log" aria-live="off" aria-label="Lines of output" ref=${place} onScroll=${look}>
      ${shown === 0 && html`<div class="none">${feed.state === "ended" ? "No output is kept." : "No output yet."}</div>`}
      <div class="rows" style=${{ height: `${shown * HEIGHT}px` }}>
        <div style=${{ height: `${first * HEIGHT}px` }}></div>
        ${all.slice(first, last).map((line, n) => html`<${Row} key=${feed.lines.gone + first + n} line=${line}
          text=${line.text} times=${times} words=${words} isAt=${first + n === at} />`)}
      </div>
    </div>
  </section>`;
}
