// The prior: a flow that carries N(0, I) to the latents of grooves (`models/prior.py`).

import { accumulate, combine, dense } from "./linear.js";

const STEPS = 8;
const GUIDANCE = 1.5;
const FREQUENCIES = 16;

export class Prior {
  /** @param {object | null} weights Null: N(0, I). */
  constructor(weights) {
    this.weights = weights;
  }

  /**
   * Noise -> latents.
   * @param {Float32Array} noise
   * @param {{condition: Float32Array, base: Float32Array}} codes What is asked for, and
   *     what would hold if nothing were.
   */
  draw(noise, codes) {
    if (!this.weights) return noise;
    const { centre, scale } = this.weights;
    const moved = this.#moved(noise, codes, 0, 1);
    return moved.map((x, i) => Math.fround(scale.data[i] * x) + centre.data[i]);
  }

  /** Latents -> the noise from which `draw` makes them. */
  noiseOf(z, codes) {
    if (!this.weights) return z;
    const { centre, scale } = this.weights;
    const points = z.map((x, i) => Math.fround(x - centre.data[i]) / scale.data[i]);
    return this.#moved(points, codes, 1, 0);
  }

  /** Where the flow carries a point from one time to another, by Heun's method. */
  #moved(point, { condition, base }, start, end) {
    const guided = condition.some((x, i) => x !== base[i]);
    const direction = (x, time) => {
      const towards = this.#network(x, time, condition);
      if (!guided) return towards;
      const anyhow = this.#network(x, time, base);
      return combine(anyhow, towards, (a, t) => a + GUIDANCE * (t - a));
    };
    let x = point;
    const width = (end - start) / STEPS;
    for (let i = 0; i < STEPS; i++) {
      const now = start + i * width;
      const first = direction(x, now);
      const ahead = combine(x, first, (a, d) => a + width * d);
      const second = direction(ahead, now + width);
      x = x.map((a, k) => a + 0.5 * width * (first[k] + second[k]));
    }
    return x;
  }

  #network(x, time, condition) {
    const [first, ...others] = this.weights.dense;
    const last = others.pop();
    const angles = Float32Array.from({ length: FREQUENCIES }, (_, i) => time * (i + 1) * Math.PI);
    let hidden = dense(x, first);
    accumulate(hidden, angles.map(Math.sin), first.kernel, { row: x.length });
    accumulate(hidden, angles.map(Math.cos), first.kernel, { row: x.length + FREQUENCIES });
    accumulate(hidden, condition, first.kernel, { row: x.length + 2 * FREQUENCIES });
    hidden = hidden.map(silu);
    for (const block of others) {
      hidden = combine(hidden, dense(hidden, block), (h, b) => h + silu(b));
    }
    return dense(hidden, last);
  }
}

const silu = (x) => x / (1 + Math.exp(-x));
