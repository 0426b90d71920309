// From the decoder's outputs to a frame: hits in a chain, then the velocities and
// offsets of the drums that are hit (`models/heads/chained.py`).

import { accumulate, sigmoid } from "./linear.js";

export const DRUMS = 9;
export const FEATURES = 3 * DRUMS;

// The widths of the bins of velocities and offsets.
const VELOCITIES = [...Array(31).fill(4), 2, 0.5].map((width) => width / 127);
const OFFSETS = Array(40).fill(2 / 40);
const VALUES = VELOCITIES.length + OFFSETS.length;
const EPSILON = 1e-7;
const BEYOND_EVERY_LOGIT = 1e9;

/**
 * What draws compare outputs with.
 *
 * @param {Float32Array} noise (steps * 27), uniform in (0, 1).
 * @param {number} temperature
 * @param {number} hitThreshold Probability above which there is a hit at temperature 0.
 * @param {Kept | null} kept
 * @returns {Float32Array} (steps * 27): logits above which there is a hit, and the
 *     shares of their distributions that lie below velocities and offsets.
 */
export function thresholds(noise, temperature, hitThreshold, kept) {
  const middle = Math.log(hitThreshold / (1 - hitThreshold));
  return noise.map((u, i) => {
    const logit = Math.fround(Math.log(u) - Math.log(1 - u));
    if (i % FEATURES >= DRUMS) return sigmoid(temperature * logit);
    if (kept?.mask[i]) return kept.values[i] > 0.5 ? -BEYOND_EVERY_LOGIT : BEYOND_EVERY_LOGIT;
    return temperature * logit + (1 - temperature) * middle;
  });
}

/**
 * Draws a frame, drum by drum.
 *
 * @param {Float32Array} outputs Logits of the hits, then the inputs of the values.
 * @param {Float32Array} below (27), see `thresholds`.
 * @param {object} heads The weights.
 * @returns {Float32Array} (27).
 */
export function draw(outputs, below, heads) {
  const frame = new Float32Array(FEATURES);
  const logits = outputs.slice(0, DRUMS);
  const hits = frame.subarray(0, DRUMS);
  for (let drum = 0; drum < DRUMS; drum++) {
    if (logits[drum] <= below[drum]) continue;
    hits[drum] = 1;
    accumulate(logits, [1], heads.hit_chain, { row: drum });
  }
  if (!hits.includes(1)) return frame;

  const hidden = outputs.slice(DRUMS);
  accumulate(hidden, hits, heads.hits);
  hidden.forEach((x, i) => (hidden[i] = Math.tanh(x)));
  // The velocity and the offset of each drum so far.
  const drawn = new Float32Array(2 * DRUMS);
  const value = (first, widths, share) => {
    const part = { first, last: first + widths.length };
    const own = heads.values.bias.data.slice(part.first, part.last);
    accumulate(own, hidden, heads.values.kernel, part);
    accumulate(own, drawn, heads.value_chain, part);
    return quantile(own, widths, share);
  };
  for (let drum = 0; drum < DRUMS; drum++) {
    if (!hits[drum]) continue;
    const start = drum * VALUES;
    const velocity = value(start, VELOCITIES, below[DRUMS + drum]) + 0.5 / 127;
    drawn[2 * drum] = frame[DRUMS + drum] = velocity;
    const middle = start + VELOCITIES.length;
    const offset = value(middle, OFFSETS, below[2 * DRUMS + drum]) - 1;
    drawn[2 * drum + 1] = frame[2 * DRUMS + drum] = offset;
  }
  return frame;
}

/** How wide the bins are that lie below the quantile of `share`. */
function quantile(logits, widths, share) {
  const largest = Math.max(...logits);
  const masses = Array.from(logits, (x) => Math.exp(x - largest));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  let before = 0;
  let passed = 0;
  for (let bin = 0; bin < widths.length && before < share; bin++) {
    const mass = masses[bin] / total + EPSILON;
    passed += widths[bin] * Math.min((share - before) / mass, 1);
    before += mass;
  }
  return passed;
}
