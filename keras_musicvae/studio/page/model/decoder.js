// The decoder: a latent becomes frames, one step after the other.

import { DRUMS, FEATURES, draw, thresholds } from "./heads.js";
import { accumulate, concatenate, dense } from "./linear.js";
import { step } from "./lstm.js";

/**
 * What stays as it is: values where the mask is 1.
 * @typedef {{values: Float32Array, mask: Float32Array}} Kept Each (steps * 27).
 */

/**
 * Plays a groove.
 *
 * @param {Float32Array} z
 * @param {Float32Array} condition
 * @param {Float32Array} noise (steps * 27), uniform in (0, 1).
 * @param {number} temperature
 * @param {object} weights
 * @param {object} architecture
 * @param {Kept | null} kept
 * @returns {Float32Array} Frames (steps * 27).
 */
export function decode(z, condition, noise, temperature, weights, architecture, kept) {
  const { num_bars: numBars, steps_per_bar: stepsPerBar, lookback } = architecture;
  const steps = numBars * stepsPerBar;
  const lags = [1, ...Array.from({ length: lookback }, (_, i) => (i + 1) * stepsPerBar)];
  const read = concatenate(z, condition);
  const layers = weights.decoder.lstm;
  const below = thresholds(noise, temperature, architecture.hit_threshold, kept);

  // z is the same at every step: its share of the first layer is computed once.
  const constant = layers[0].bias.data.slice();
  accumulate(constant, read, layers[0].kernel, { row: lags.length * FEATURES });
  const place = lags.length * FEATURES + read.length;

  let states = initialStates(read, weights.decoder);
  const frames = new Float32Array(steps * FEATURES);
  const frameAt = (now) => frames.subarray(now * FEATURES, (now + 1) * FEATURES);
  for (let now = 0; now < steps; now++) {
    const gates = constant.slice();
    lags.forEach((lag, i) => {
      if (lag > now) return;
      accumulate(gates, frameAt(now - lag), layers[0].kernel, { row: i * FEATURES });
    });
    if (lookback) {
      const inBar = place + (now % stepsPerBar);
      const bar = place + stepsPerBar + Math.floor(now / stepsPerBar);
      for (const row of [inBar, bar]) accumulate(gates, [1], layers[0].kernel, { row });
    }
    states = advance(gates, states, layers);
    const outputs = dense(states.at(-1).h, weights.decoder.output);
    const from = now * FEATURES;
    const frame = draw(outputs, below.subarray(from, from + FEATURES), weights.heads);
    if (kept) {
      frame.forEach((value, i) => {
        if (kept.mask[from + i]) frame[i] = kept.values[from + i];
      });
    }
    frames.set(frame, from);
  }
  return frames;
}

/** One step of stacked layers from the gates of the first. */
function advance(gates, states, layers) {
  return layers.map((layer, i) => {
    if (i > 0) gates = dense(states[i - 1].h, layer);
    states[i] = step(gates, states[i], layer.recurrent);
    return states[i];
  });
}

/** tanh(dense(z)), cut in c0, h0, c1, h1... */
function initialStates(read, { initial, lstm }) {
  const flat = dense(read, initial).map(Math.tanh);
  let at = 0;
  const take = (units) => flat.slice(at, (at += units));
  return lstm.map(({ recurrent: { rows } }) => ({ c: take(rows), h: take(rows) }));
}

export { DRUMS, FEATURES };
