// The encoder: reads a whole groove and says where it lies in the latent space.

import { concatenate, dense } from "./linear.js";
import { run } from "./lstm.js";

/**
 * The mean of the posterior.
 *
 * @param {Float32Array} frames (steps * 27).
 * @param {Float32Array} condition
 * @param {object} weights
 * @param {object} architecture
 * @returns {Float32Array} (latent_dim).
 */
export function encode(frames, condition, weights, architecture) {
  const { num_bars: numBars, hierarchical_encoder: byBars } = architecture;
  const width = frames.length / (numBars * architecture.steps_per_bar);
  const steps = slices(frames, width);
  const { encoder } = weights;
  let summary;
  if (byBars) {
    const bars = slices(steps, architecture.steps_per_bar);
    const summaries = bars.map((bar) => bidirectional(bar, encoder.bar));
    summary = bidirectional(summaries, encoder.bars);
  } else {
    summary = bidirectional(steps, encoder);
  }
  return dense(concatenate(summary, condition), weights.latent.mean);
}

/** Stacked LSTMs of both directions; the last layer's two final states. */
function bidirectional(sequence, { forward, backward }) {
  let ahead, behind;
  forward.forEach((layer, i) => {
    ahead = run(sequence, layer);
    behind = run(sequence.toReversed(), backward[i]);
    const reversed = behind.toReversed();
    sequence = ahead.map((h, step) => concatenate(h, reversed[step]));
  });
  return concatenate(ahead.at(-1), behind.at(-1));
}

function slices(items, size) {
  const number = items.length / size;
  const cut = items.subarray ? "subarray" : "slice";
  return Array.from({ length: number }, (_, i) => items[cut](i * size, (i + 1) * size));
}
