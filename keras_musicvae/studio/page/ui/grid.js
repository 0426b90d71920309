// The drum grid: shows a groove, and changes it by pointer, touch and keyboard.

import { DRUMS, FEATURES, clamp, hitAt, withHit } from "../music/groove.js";
import { element } from "./elements.js";

export const NAMES = [
  "Kick", "Snare", "Closed hat", "Open hat", "Low tom", "Mid tom", "High tom", "Crash",
  "Ride",
];
// The kick is the lowest row.
const ROWS = Array.from({ length: DRUMS }, (_, i) => DRUMS - 1 - i);
const NEW_VELOCITY = 0.75;
// So far a finger may slip before a tap becomes a drag.
const SLIP_PIXELS = 4;
const DRAG_PIXELS = 90;

export class Grid extends EventTarget {
  #drag = null;

  /**
   * Sends `edit` (detail: frames; the first of a gesture has `starts`), `strike`
   * (detail: drum, velocity), `lock` (detail: the new locks) and `point` (detail: text).
   *
   * @param {HTMLElement} root
   * @param {{steps: number, stepsPerBar: number, stepsPerBeat: number}} sizes
   */
  constructor(root, sizes) {
    super();
    this.root = root;
    this.sizes = sizes;
    this.cells = new Map();
    this.#build();
    root.addEventListener("pointerdown", (event) => this.#press(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", () => this.#release());
    root.addEventListener("pointercancel", () => (this.#drag = null));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows frames and locks. */
  show(frames, locks) {
    const before = this.frames;
    this.frames = frames;
    const relocked = locks !== this.locks;
    this.locks = locks;
    for (const [key, cell] of this.cells) {
      const [step, drum] = placeOf(key);
      const at = step * FEATURES + drum;
      const same = [0, DRUMS, 2 * DRUMS].every((k) => before?.[at + k] === frames[at + k]);
      if (before && same && !relocked) continue;
      this.#draw(cell, step, drum);
    }
    if (!relocked) return;
    this.drumLocks.forEach((button, drum) => press(button, locks.drums.includes(drum)));
    this.barLocks.forEach((button, bar) => press(button, locks.bars.includes(bar)));
  }

  /** Moves the line of the player; null hides it. */
  showPosition(step) {
    const { style } = this.cursor;
    style.visibility = step === null ? "hidden" : "visible";
    if (step === null) return;
    const left = this.origin + (step + 0.5) * this.cellWidth;
    style.transform = `translateX(${left}px)`;
  }

  /** Reads the sizes of cells, which change with the window. */
  measure() {
    const first = this.cells.get(keyOf(0, 0));
    this.origin = first.offsetLeft;
    this.cellWidth = (first.parentElement.scrollWidth - this.origin) / this.sizes.steps;
  }

  // --- Elements ---------------------------------------------------------------

  #build() {
    const { steps, stepsPerBar, stepsPerBeat } = this.sizes;
    this.root.style.setProperty("--steps", steps);
    this.cursor = element("div", { className: "cursor", "aria-hidden": "true" });
    const rows = element("div", { className: "rows" }, this.#bars(), this.cursor);
    this.drumLocks = [];
    for (const drum of ROWS) {
      const name = element("button", { textContent: NAMES[drum], title: `Play ${NAMES[drum]}`, tabIndex: -1 });
      name.addEventListener("click", () => this.#send("strike", { drum, velocity: 0.8 }));
      const lock = this.#lock(`Lock ${NAMES[drum]}`, "drums", drum);
      this.drumLocks[drum] = lock;
      const head = element("div", { className: "head" }, name, lock);
      const row = element("div", { className: "row", role: "group", "aria-label": NAMES[drum] }, head);
      for (let step = 0; step < steps; step++) {
        const cell = element("button", { className: "cell", tabIndex: -1 });
        cell.classList.toggle("first", step % stepsPerBar === 0);
        cell.classList.toggle("beat", Math.floor(step / stepsPerBeat) % 2 === 0);
        cell.dataset.key = keyOf(step, drum);
        this.cells.set(cell.dataset.key, cell);
        row.append(cell);
      }
      rows.append(row);
    }
    this.cells.get(keyOf(0, ROWS[0])).tabIndex = 0;
    this.root.append(rows);
  }

  #bars() {
    const { steps, stepsPerBar } = this.sizes;
    const head = element("div", { className: "head" }, element("span", { textContent: "" }));
    const row = element("div", { className: "row bars" }, head);
    this.barLocks = [];
    for (let bar = 0; bar < steps / stepsPerBar; bar++) {
      const button = this.#lock(`Lock bar ${bar + 1}`, "bars", bar);
      button.classList.add("bar");
      button.textContent = `Bar ${bar + 1} `;
      button.style.gridColumn = `span ${stepsPerBar}`;
      this.barLocks.push(button);
      row.append(button);
    }
    return row;
  }

  #lock(label, kind, index) {
    const button = element("button", { className: "lock", title: label, "aria-label": label });
    press(button, false);
    button.addEventListener("click", () => {
      const own = this.locks[kind];
      const next = own.includes(index) ? own.filter((i) => i !== index) : [...own, index];
      this.#send("lock", { ...this.locks, [kind]: next });
    });
    return button;
  }

  #draw(cell, step, drum) {
    const hit = hitAt(this.frames, step, drum);
    cell.classList.toggle("on", hit !== null);
    const { stepsPerBar } = this.sizes;
    const { drums, bars } = this.locks;
    const locked = drums.includes(drum) || bars.includes(Math.floor(step / stepsPerBar));
    cell.classList.toggle("locked", locked);
    press(cell, hit !== null);
    cell.setAttribute("aria-label", this.#describe(step, drum));
    if (!hit) return;
    cell.style.setProperty("--velocity", hit.velocity);
    cell.style.setProperty("--early", hit.offset);
  }

  #describe(step, drum) {
    const { stepsPerBar } = this.sizes;
    const place = `${NAMES[drum]}, bar ${Math.floor(step / stepsPerBar) + 1}, step ${(step % stepsPerBar) + 1}`;
    const hit = hitAt(this.frames, step, drum);
    if (!hit) return place;
    const percent = Math.round(100 * Math.abs(hit.offset));
    const timing = percent ? `${percent} % of a step ${hit.offset > 0 ? "early" : "late"}` : "on the grid";
    return `${place}: velocity ${Math.round(127 * hit.velocity)}, ${timing}`;
  }

  // --- Gestures ---------------------------------------------------------------

  #press(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.button !== 0) return;
    const [step, drum] = placeOf(cell.dataset.key);
    const hit = hitAt(this.frames, step, drum);
    this.#drag = { step, drum, hit, x: event.clientX, y: event.clientY, moved: false };
    // An empty cell lets a finger scroll the grid.
    if (hit || event.pointerType === "mouse") cell.setPointerCapture(event.pointerId);
    this.#focus(step, drum);
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag?.hit) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(x, y) < SLIP_PIXELS) return;
    const starts = !drag.moved;
    // A drag goes one way: up and down for velocity, or sideways for timing.
    drag.upright ??= Math.abs(y) >= Math.abs(x);
    drag.moved = true;
    const hit = { ...drag.hit };
    if (drag.upright) hit.velocity = clamp(hit.velocity - y / DRAG_PIXELS, 1 / 127, 1);
    else hit.offset = clamp(hit.offset - x / DRAG_PIXELS, -0.5, 0.5);
    this.#edit(drag.step, drag.drum, hit, starts);
  }

  #release() {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag || drag.moved) return;
    this.#toggle(drag.step, drag.drum);
  }

  #key(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const [step, drum] = placeOf(cell.dataset.key);
    const hit = hitAt(this.frames, step, drum);
    const change = (values) => hit && this.#edit(step, drum, { ...hit, ...values }, true);
    const keys = {
      ArrowLeft: () => this.#focus(step - 1, drum),
      ArrowRight: () => this.#focus(step + 1, drum),
      ArrowUp: () => this.#focus(step, drum + 1),
      ArrowDown: () => this.#focus(step, drum - 1),
      Home: () => this.#focus(0, drum),
      End: () => this.#focus(this.sizes.steps - 1, drum),
      Enter: () => this.#toggle(step, drum),
      " ": () => this.#toggle(step, drum),
      Delete: () => hit && this.#edit(step, drum, null, true),
      "+": () => change({ velocity: Math.min(hit.velocity + 0.05, 1) }),
      "=": () => change({ velocity: Math.min(hit.velocity + 0.05, 1) }),
      "-": () => change({ velocity: Math.max(hit.velocity - 0.05, 1 / 127) }),
      "<": () => change({ offset: Math.min(hit.offset + 0.05, 0.5) }),
      ",": () => change({ offset: Math.min(hit.offset + 0.05, 0.5) }),
      ">": () => change({ offset: Math.max(hit.offset - 0.05, -0.5) }),
      ".": () => change({ offset: Math.max(hit.offset - 0.05, -0.5) }),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  #toggle(step, drum) {
    const hit = hitAt(this.frames, step, drum);
    this.#edit(step, drum, hit ? null : { velocity: NEW_VELOCITY, offset: 0 }, true);
    if (!hit) this.#send("strike", { drum, velocity: NEW_VELOCITY });
  }

  #edit(step, drum, hit, starts) {
    this.#send("edit", { frames: withHit(this.frames, step, drum, hit), starts });
    this.#send("point", this.#describe(step, drum));
  }

  #focus(step, drum) {
    const next = this.cells.get(keyOf(step, drum));
    if (!next) return;
    this.root.querySelector('.cell[tabindex="0"]').tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    this.#send("point", this.#describe(step, drum));
  }

  #send(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const keyOf = (step, drum) => `${step} ${drum}`;
const placeOf = (key) => key.split(" ").map(Number);
const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
