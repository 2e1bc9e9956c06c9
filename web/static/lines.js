// @ts-check
/** Output as lines: bytes of several streams, in the order in which they came. Pure. */

import { PLAIN, parse } from "./ansi.js";

/** @typedef {{stream: string, at: number, text: string, look: import("./ansi.js").Look}} Line */

/** @typedef {{stream: string, at: number, data: string, dropped_bytes: number}} Entry as the API gives it */

/** A line longer than this is continued on the next one. */
const LONGEST = 4000;
/** More lines than these: the oldest go. */
export const MOST = 200_000;

export class Lines {
  constructor() {
    /** @type {Line[]} */
    this.all = [];
    /** How many went. */
    this.gone = 0;
    /** @type {Map<string, {decoder: TextDecoder, open: Line | null, look: import("./ansi.js").Look, cr: boolean}>} */
    this.streams = new Map();
  }

  /** @param {Entry} entry */
  add(entry) {
    if (entry.dropped_bytes > 0) {
      this.note(`${entry.dropped_bytes} bytes are not kept here; the worker may have them`, entry.at);
    }
    const stream = this.stream(entry.stream);
    const text = stream.decoder.decode(bytes(entry.data), { stream: true });
    for (const part of text.split(/(\r?\n|\r)/)) {
      if (part === "\r") stream.cr = true;
      else if (part.endsWith("\n")) this.close(entry, stream);
      else if (part) this.write(part, entry, stream);
    }
    if (this.all.length > MOST) {
      const much = this.all.length - MOST;
      this.all = this.all.slice(much);
      this.gone += much;
    }
  }

  /**
   * Add a line of our own.
   * @param {string} text
   * @param {number} at
   */
  note(text, at) {
    this.all.push({ stream: "hole", at, text: `[${text}]`, look: PLAIN });
  }

  /** @param {string} name */
  stream(name) {
    let found = this.streams.get(name);
    if (!found) {
      found = { decoder: new TextDecoder("utf-8"), open: null, look: PLAIN, cr: false };
      this.streams.set(name, found);
    }
    return found;
  }

  /** Write text behind what stands in a stream's open line; after `\r` in its place. */
  write(text, entry, stream) {
    if (stream.cr && stream.open) stream.open.text = "";
    stream.cr = false;
    let rest = text;
    while (rest) {
      const line = stream.open ?? this.begin(entry, stream);
      const room = LONGEST - line.text.length;
      line.text += rest.slice(0, room);
      rest = rest.slice(room);
      if (rest) this.end(stream);
    }
  }

  begin(entry, stream) {
    stream.open = { stream: entry.stream, at: entry.at, text: "", look: stream.look };
    this.all.push(stream.open);
    return stream.open;
  }

  close(entry, stream) {
    if (!stream.open) this.begin(entry, stream);
    stream.cr = false;
    this.end(stream);
  }

  /** Remember how text looks after the open line: colours go on in the next one. */
  end(stream) {
    stream.look = parse(stream.open.text, stream.look).look;
    stream.open = null;
  }
}

/**
 * Return the bytes of a text in base 64.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function bytes(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
