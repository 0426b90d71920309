// Vectors and matrices of float32 numbers, as flat arrays.

/**
 * A matrix (rows, columns), row by row.
 * @typedef {{data: Float32Array, rows: number, columns: number}} Matrix
 */

/**
 * Adds `x` times some rows and columns of a matrix to `out`.
 *
 * Zeros in `x` cost nothing: most of a frame is zeros.
 *
 * @param {Float32Array} out Of the width of the columns.
 * @param {Float32Array} x
 * @param {Matrix} matrix
 * @param {{row?: number, first?: number, last?: number}} part The first row, and the
 *     columns `first` up to, not including, `last`. Default: all.
 */
export function accumulate(out, x, matrix, part = {}) {
  const { data, columns } = matrix;
  const { row = 0, first = 0, last = columns } = part;
  const width = last - first;
  const used = nonzero(x);
  const at = (i) => (row + used[i]) * columns + first;
  let i = 0;
  // Eight rows at a time: each number of `out` is read and written once for all.
  for (; i + 8 <= used.length; i += 8) {
    const [a, b, c, d] = [x[used[i]], x[used[i + 1]], x[used[i + 2]], x[used[i + 3]]];
    const [e, f, g, h] = [x[used[i + 4]], x[used[i + 5]], x[used[i + 6]], x[used[i + 7]]];
    const [p, q, r, s] = [at(i), at(i + 1), at(i + 2), at(i + 3)];
    const [t, u, v, w] = [at(i + 4), at(i + 5), at(i + 6), at(i + 7)];
    for (let j = 0; j < width; j++) {
      out[j] +=
        a * data[p + j] + b * data[q + j] + c * data[r + j] + d * data[s + j] +
        (e * data[t + j] + f * data[u + j] + g * data[v + j] + h * data[w + j]);
    }
  }
  for (; i < used.length; i++) {
    const [a, p] = [x[used[i]], at(i)];
    for (let j = 0; j < width; j++) out[j] += a * data[p + j];
  }
}

/** `x` through a layer: bias + x * kernel. */
export function dense(x, { kernel, bias }) {
  const out = bias.data.slice();
  accumulate(out, x, kernel);
  return out;
}

/** One vector of several, one after the other. */
export function concatenate(...parts) {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A new vector of f(x[i], y[i], i). */
export function combine(x, y, f) {
  return x.map((value, i) => f(value, y[i], i));
}

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

function nonzero(x) {
  const used = new Int32Array(x.length);
  let count = 0;
  for (let i = 0; i < x.length; i++) if (x[i] !== 0) used[count++] = i;
  return used.subarray(0, count);
}
