// The decoder: a latent becomes frames, one step after the other.

import { FEATURES, draw, noiseBehind, thresholds } from "./heads.js";
import { accumulate, concatenate, dense } from "./linear.js";
import { step } from "./lstm.js";

/**
 * What stays as it is: values where the mask is 1.
 * @typedef {{values: Float32Array, mask: Float32Array}} Kept Each (steps * 27).
 */

export class Decoder {
  /**
   * @param {object} weights
   * @param {object} architecture
   */
  constructor(weights, architecture) {
    this.weights = weights;
    this.architecture = architecture;
    const { num_bars: bars, steps_per_bar: stepsPerBar, lookback } = architecture;
    this.steps = bars * stepsPerBar;
    this.lags = [1];
    for (let bar = 1; bar <= lookback; bar++) this.lags.push(bar * stepsPerBar);
  }

  /**
   * Plays a groove.
   *
   * @param {Float32Array} z
   * @param {Float32Array} condition
   * @param {Float32Array} noise (steps * 27), uniform in (0, 1).
   * @param {number} temperature
   * @param {Kept | null} kept
   * @returns {Float32Array} Frames (steps * 27).
   */
  play(z, condition, noise, temperature, kept = null) {
    const below = thresholds(noise, temperature, this.architecture, kept);
    return this.#walk(z, condition, (outputs, now) => {
      const [from, to] = [now * FEATURES, (now + 1) * FEATURES];
      const frame = draw(outputs, below.subarray(from, to), this.weights.heads);
      if (!kept) return frame;
      return frame.map((own, i) => (kept.mask[from + i] ? kept.values[from + i] : own));
    });
  }

  /**
   * The noise from which `play` would make given frames.
   *
   * @param {Float32Array} chance (steps * 27), where the frames leave it open.
   * @returns {Float32Array} (steps * 27).
   */
  noiseBehind(frames, z, condition, chance, temperature) {
    if (!temperature) return chance;
    const noise = new Float32Array(frames.length);
    this.#walk(z, condition, (outputs, now) => {
      const [from, to] = [now * FEATURES, (now + 1) * FEATURES];
      const frame = frames.subarray(from, to);
      const own = chance.subarray(from, to);
      const { heads } = this.weights;
      noise.set(noiseBehind(outputs, frame, own, temperature, heads, this.architecture), from);
      return frame;
    });
    return noise;
  }

  /**
   * Goes through the steps.
   *
   * @param {(outputs: Float32Array, now: number) => Float32Array} frameOf What is
   *     played at a step; the steps after it see that.
   * @returns {Float32Array} All frames.
   */
  #walk(z, condition, frameOf) {
    const { lstm: layers, output } = this.weights.decoder;
    const read = concatenate(z, condition);
    const seen = this.lags.length * FEATURES;
    // z is the same at every step: its share of the first layer is computed once.
    const constant = layers[0].bias.data.slice();
    accumulate(constant, read, layers[0].kernel, { row: seen });

    let states = initialStates(read, this.weights.decoder);
    const frames = new Float32Array(this.steps * FEATURES);
    for (let now = 0; now < this.steps; now++) {
      const past = this.#past(frames, now);
      const gates = constant.slice();
      accumulate(gates, past, layers[0].kernel);
      for (const row of this.#places(now, seen + read.length)) {
        accumulate(gates, [1], layers[0].kernel, { row });
      }
      states = advance(gates, states, layers);
      const top = states.at(-1).h;
      const outputs = dense(top, output);
      if (this.lags.length > 1) accumulate(outputs, past, output.kernel, { row: top.length });
      frames.set(frameOf(outputs, now), now * FEATURES);
    }
    return frames;
  }

  /** The frames that a step reads; zeros before the first. */
  #past(frames, now) {
    const past = new Float32Array(this.lags.length * FEATURES);
    this.lags.forEach((lag, i) => {
      if (lag > now) return;
      const from = (now - lag) * FEATURES;
      past.set(frames.subarray(from, from + FEATURES), i * FEATURES);
    });
    return past;
  }

  /** The rows of the kernel that say which step of its bar and which bar this is. */
  #places(now, first) {
    const { steps_per_bar: stepsPerBar, lookback } = this.architecture;
    if (!lookback) return [];
    const bar = Math.floor(now / stepsPerBar);
    return [first + (now % stepsPerBar), first + stepsPerBar + bar];
  }
}

/** One step of stacked layers from the gates of the first. */
function advance(gates, states, layers) {
  const next = [];
  layers.forEach((layer, i) => {
    if (i > 0) gates = dense(next[i - 1].h, layer);
    next.push(step(gates, states[i], layer.recurrent));
  });
  return next;
}

/** tanh(dense(z)), cut in c0, h0, c1, h1... */
function initialStates(read, { initial, lstm }) {
  const flat = dense(read, initial).map(Math.tanh);
  let at = 0;
  const take = (units) => flat.slice(at, (at += units));
  return lstm.map(({ recurrent: { rows } }) => ({ c: take(rows), h: take(rows) }));
}
