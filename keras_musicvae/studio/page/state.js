// The state of the page: one value that is replaced, never changed. With it come undo,
// the link that holds it, and the browser's memory of it.

import { DRUMS, FEATURES, TICKS_PER_STEP, hitsOf, withHit } from "./music/groove.js";
import { midiVelocity, tickOf } from "./music/midi_write.js";

const STORED = "keras-musicvae-studio";
const MAX_UNDO = 500;

export class History extends EventTarget {
  #past = [];
  #future = [];

  constructor(state) {
    super();
    this.state = state;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Goes on with some values changed. */
  change(values) {
    this.#past.push(this.state);
    if (this.#past.length > MAX_UNDO) this.#past.shift();
    this.#future = [];
    this.#go({ ...this.state, ...values });
  }

  /** Changes values without a step of its own for undo, as while a slider moves. */
  adjust(values) {
    this.#go({ ...this.state, ...values });
  }

  undo() {
    if (!this.canUndo) return;
    this.#future.push(this.state);
    this.#go(this.#past.pop());
  }

  redo() {
    if (!this.canRedo) return;
    this.#past.push(this.state);
    this.#go(this.#future.pop());
  }

  #go(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

// --- As text ------------------------------------------------------------------

/** The state as text that fits into a link; grooves as exact as in a MIDI file. */
export function toText(state) {
  const grooves = (list) => list.map((frames) => frames && packed(frames));
  const plain = { ...state, slots: grooves(state.slots), corners: grooves(state.corners) };
  return base64(new TextEncoder().encode(JSON.stringify(plain)));
}

/**
 * The state of a text.
 *
 * @param {string} text
 * @param {object} initial Gives what the text lacks, and the types of all values.
 * @returns {object | null} Null if the text holds none.
 */
export function fromText(text, initial) {
  try {
    const plain = JSON.parse(new TextDecoder().decode(unbase64(text)));
    const size = initial.slots[0].length;
    const grooves = (list, count) =>
      Array.from({ length: count }, (_, i) =>
        typeof list[i] === "string" ? unpacked(list[i], size) : null,
      );
    const state = { ...initial };
    for (const name of Object.keys(initial)) {
      if (typeof plain[name] === typeof initial[name]) state[name] = plain[name];
    }
    state.slots = grooves(plain.slots, 2).map((frames) => frames ?? new Float32Array(size));
    state.corners = grooves(plain.corners, 4);
    return state;
  } catch {
    return null;
  }
}

/** Remembers the state in this browser; a page that may not does without. */
export function remember(state) {
  try {
    localStorage.setItem(STORED, toText(state));
  } catch {
    // Storage is full or forbidden.
  }
}

/** The text that was remembered. */
export function remembered() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Four bytes for each hit: the cell (2), the velocity, and the ticks it is late. */
function packed(frames) {
  const hits = hitsOf(frames);
  const view = new DataView(new ArrayBuffer(4 * hits.length));
  hits.forEach((hit, i) => {
    view.setUint16(4 * i, hit.step * DRUMS + hit.drum);
    view.setUint8(4 * i + 2, midiVelocity(hit.velocity));
    view.setInt8(4 * i + 3, tickOf(hit) - hit.step * TICKS_PER_STEP);
  });
  return base64(new Uint8Array(view.buffer));
}

function unpacked(text, size) {
  const bytes = unbase64(text);
  const view = new DataView(bytes.buffer);
  let frames = new Float32Array(size);
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const cell = view.getUint16(at);
    const [step, drum] = [Math.floor(cell / DRUMS), cell % DRUMS];
    if (step >= size / FEATURES) continue;
    const velocity = view.getUint8(at + 2) / 127;
    const offset = -view.getInt8(at + 3) / TICKS_PER_STEP;
    frames = withHit(frames, step, drum, { velocity, offset });
  }
  return frames;
}

function base64(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unbase64(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}
