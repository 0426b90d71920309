// The LSTM, with weights in Keras's layout: gates in the order input, forget, cell,
// output.

import { accumulate, sigmoid } from "./linear.js";

/** @typedef {{h: Float32Array, c: Float32Array}} State */

/** @returns {State} */
export function emptyState(units) {
  return { h: new Float32Array(units), c: new Float32Array(units) };
}

/**
 * One step.
 *
 * @param {Float32Array} gates Bias + inputs * kernel; is changed.
 * @param {State} state
 * @param {import("./linear.js").Matrix} recurrent
 * @returns {State} The next state.
 */
export function step(gates, state, recurrent) {
  accumulate(gates, state.h, recurrent);
  const units = state.h.length;
  const next = emptyState(units);
  for (let i = 0; i < units; i++) {
    const input = sigmoid(gates[i]);
    const forget = sigmoid(gates[units + i]);
    const cell = Math.tanh(gates[2 * units + i]);
    const output = sigmoid(gates[3 * units + i]);
    next.c[i] = forget * state.c[i] + input * cell;
    next.h[i] = output * Math.tanh(next.c[i]);
  }
  return next;
}

/**
 * Reads a sequence.
 *
 * @param {Float32Array[]} sequence
 * @param {{kernel, recurrent, bias}} layer
 * @returns {Float32Array[]} The output of each step.
 */
export function run(sequence, { kernel, recurrent, bias }) {
  let state = emptyState(recurrent.rows);
  return sequence.map((x) => {
    const gates = bias.data.slice();
    accumulate(gates, x, kernel);
    state = step(gates, state, recurrent);
    return state.h;
  });
}
