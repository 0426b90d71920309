// A plane between four grooves: a point that is moved by pointer, touch or keys.

import { clamp } from "../music/groove.js";
import { element } from "./elements.js";

const STEP = 0.1;

export class Pad extends EventTarget {
  /**
   * Sends `move` (detail: x, y from 0 to 1) and `corner` (detail: 0 to 3).
   * @param {HTMLElement} root
   */
  constructor(root) {
    super();
    this.root = root;
    this.corners = [..."1234"].map((name, i) => {
      const place = `${i < 2 ? "top" : "bottom"} ${i % 2 ? "right" : "left"}`;
      const button = element("button", {
        className: "corner",
        textContent: name,
        title: `Put this groove at the ${place}`,
      });
      button.addEventListener("click", () => this.#send("corner", i));
      return button;
    });
    this.point = element("button", { className: "point", "aria-label": "Point between the corners" });
    root.append(...this.corners, this.point);
    this.#place(0.5, 0.5);
    root.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".corner")) return;
      root.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    root.addEventListener("pointermove", (event) => {
      if (root.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
    this.point.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows which corners hold a groove. */
  show(corners) {
    corners.forEach((frames, i) => (this.corners[i].dataset.filled = String(Boolean(frames))));
  }

  #follow(event) {
    const box = this.root.getBoundingClientRect();
    this.#move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  #key(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    this.#move(this.x + way[0] * STEP, this.y + way[1] * STEP);
  }

  #move(x, y) {
    this.#place(clamp(x, 0, 1), clamp(y, 0, 1));
    this.#send("move", { x: this.x, y: this.y });
  }

  #place(x, y) {
    [this.x, this.y] = [x, y];
    this.point.style.left = `${100 * x}%`;
    this.point.style.top = `${100 * y}%`;
  }

  #send(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
