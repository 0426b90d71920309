// From the decoder's outputs to a frame and back to noise: hits in a chain, then the
// velocities and offsets of the drums that are hit (`models/heads/chained.py`).

import { accumulate, sigmoid } from "./linear.js";

export const DRUMS = 9;
export const FEATURES = 3 * DRUMS;

// The widths of the bins of velocities and offsets.
const VELOCITIES = [...Array(31).fill(4), 2, 0.5].map((width) => width / 127);
const OFFSETS = Array(40).fill(2 / 40);
const VALUES = VELOCITIES.length + OFFSETS.length;
// The least velocity and offset.
const [SOFTEST, LATEST] = [0.5 / 127, -1];
const EPSILON = 1e-7;
const BEYOND_EVERY_LOGIT = 1e9;

/** The temperatures of hits, velocities and offsets, and the logit of the threshold. */
function settings(temperature, architecture) {
  const { hit_threshold: threshold } = architecture;
  return {
    hit: temperature * architecture.hit_temperature,
    velocity: temperature * architecture.velocity_temperature,
    timing: temperature * architecture.timing_temperature,
    middle: Math.log(threshold / (1 - threshold)),
  };
}

const logit = (noise) => Math.fround(Math.log(noise) - Math.log(1 - noise));
const within = (noise) => Math.min(Math.max(noise, 1e-6), 1 - 1e-6);

/**
 * What draws compare outputs with.
 *
 * @param {Float32Array} noise (steps * 27), uniform in (0, 1).
 * @param {number} temperature
 * @param {object} architecture
 * @param {import("./decoder.js").Kept | null} kept
 * @returns {Float32Array} (steps * 27): logits above which there is a hit, and the
 *     shares of their distributions that lie below velocities and offsets.
 */
export function thresholds(noise, temperature, architecture, kept) {
  const { hit, velocity, timing, middle } = settings(temperature, architecture);
  return noise.map((u, i) => {
    const column = i % FEATURES;
    if (column >= 2 * DRUMS) return sigmoid(timing * logit(u));
    if (column >= DRUMS) return sigmoid(velocity * logit(u));
    if (!kept?.mask[i]) return hit * logit(u) + (1 - hit) * middle;
    return kept.values[i] > 0.5 ? -BEYOND_EVERY_LOGIT : BEYOND_EVERY_LOGIT;
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
  const values = new Values(outputs, hits, heads);
  for (let drum = 0; drum < DRUMS; drum++) {
    if (!hits[drum]) continue;
    const loud = quantile(values.velocity(drum), VELOCITIES, below[DRUMS + drum]);
    frame[DRUMS + drum] = SOFTEST + loud;
    values.saw(2 * drum, frame[DRUMS + drum]);
    const late = quantile(values.offset(drum), OFFSETS, below[2 * DRUMS + drum]);
    frame[2 * DRUMS + drum] = LATEST + late;
    values.saw(2 * drum + 1, frame[2 * DRUMS + drum]);
  }
  return frame;
}

/**
 * Noise by which `draw` draws a given frame.
 *
 * @param {Float32Array} outputs
 * @param {Float32Array} frame (27).
 * @param {Float32Array} chance (27), uniform in (0, 1): which of all such noise.
 * @param {number} temperature Above 0.
 * @param {object} heads The weights.
 * @param {object} architecture
 * @returns {Float32Array} (27), in (0, 1).
 */
export function noiseBehind(outputs, frame, chance, temperature, heads, architecture) {
  const { hit, velocity, timing, middle } = settings(temperature, architecture);
  const noise = chance.map(within);
  const logits = outputs.slice(0, DRUMS);
  const values = new Values(outputs, frame.subarray(0, DRUMS), heads);
  for (let drum = 0; drum < DRUMS; drum++) {
    const share = sigmoid((logits[drum] - (1 - hit) * middle) / hit);
    const rest = share + (1 - share) * chance[drum];
    noise[drum] = within(frame[drum] ? share * chance[drum] : rest);
    if (!frame[drum]) continue;
    accumulate(logits, [1], heads.hit_chain, { row: drum });
    const [loud, late] = [DRUMS + drum, 2 * DRUMS + drum];
    const below = shareBelow(values.velocity(drum), VELOCITIES, frame[loud] - SOFTEST);
    noise[loud] = within(sigmoid(logit(within(below)) / velocity));
    values.saw(2 * drum, frame[loud]);
    const ahead = shareBelow(values.offset(drum), OFFSETS, frame[late] - LATEST);
    noise[late] = within(sigmoid(logit(within(ahead)) / timing));
    values.saw(2 * drum + 1, frame[late]);
  }
  return noise;
}

/** The logits of velocities and offsets; each sees the values of the drums before. */
class Values {
  constructor(outputs, hits, heads) {
    this.heads = heads;
    this.seen = new Float32Array(2 * DRUMS);
    if (!hits.includes(1)) return;
    const hidden = outputs.slice(DRUMS);
    accumulate(hidden, hits, heads.hits);
    this.hidden = hidden.map(Math.tanh);
  }

  velocity(drum) {
    return this.#logits(drum * VALUES, VELOCITIES);
  }

  offset(drum) {
    return this.#logits(drum * VALUES + VELOCITIES.length, OFFSETS);
  }

  saw(place, value) {
    this.seen[place] = value;
  }

  #logits(first, widths) {
    const { values, value_chain: chain } = this.heads;
    const part = { first, last: first + widths.length };
    const logits = values.bias.data.slice(part.first, part.last);
    accumulate(logits, this.hidden, values.kernel, part);
    accumulate(logits, this.seen, chain, part);
    return logits;
  }
}

/** How wide the bins are that lie below the quantile of `share`. */
function quantile(logits, widths, share) {
  let before = 0;
  let passed = 0;
  for (const [bin, mass] of massesOf(logits).entries()) {
    if (before >= share) break;
    passed += widths[bin] * Math.min((share - before) / mass, 1);
    before += mass;
  }
  return passed;
}

/** The mass of all bins below a place, which is measured from the first bin on. */
function shareBelow(logits, widths, place) {
  let below = 0;
  for (const [bin, mass] of massesOf(logits).entries()) {
    below += mass * Math.min(Math.max(place / widths[bin], 0), 1);
    place -= widths[bin];
  }
  return below;
}

function massesOf(logits) {
  const largest = Math.max(...logits);
  const masses = Array.from(logits, (x) => Math.exp(x - largest));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total + EPSILON);
}
