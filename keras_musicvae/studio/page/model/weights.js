// Reads the file of the weights, written by `export/web.py`.

/**
 * The weights as a tree: the name `decoder.lstm.0.kernel` is
 * `weights.decoder.lstm[0].kernel`.
 *
 * @param {ArrayBuffer} buffer The bytes of all numbers, those of each significance
 *     together, which compresses well.
 * @param {{dtype: string, tensors: {name: string, shape: number[]}[]}} index
 */
export function readWeights(buffer, { dtype, tensors }) {
  const numbers = dtype === "float16" ? readHalves(buffer) : readFloats(buffer);
  const tree = {};
  let at = 0;
  for (const { name, shape } of tensors) {
    const columns = shape.at(-1);
    const rows = shape.length > 1 ? shape[0] : 1;
    const data = numbers.subarray(at, (at += rows * columns));
    place(tree, name.split("."), { data, rows, columns });
  }
  if (at !== numbers.length) throw new Error("The file of the weights is incomplete.");
  return tree;
}

function place(tree, path, matrix) {
  path.slice(0, -1).forEach((key, i) => {
    tree = tree[key] ??= /^\d+$/.test(path[i + 1]) ? [] : {};
  });
  tree[path.at(-1)] = matrix;
}

function readFloats(buffer) {
  const [a, b, c, d] = planes(buffer, 4);
  const bits = new Uint32Array(a.length);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = a[i] | (b[i] << 8) | (c[i] << 16) | (d[i] << 24);
  }
  return new Float32Array(bits.buffer);
}

function readHalves(buffer) {
  const values = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
  const [low, high] = planes(buffer, 2);
  const numbers = new Float32Array(low.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = values[low[i] | (high[i] << 8)];
  return numbers;
}

/** The bytes of each significance, the lowest first. */
function planes(buffer, size) {
  const count = buffer.byteLength / size;
  return Array.from({ length: size }, (_, i) => new Uint8Array(buffer, i * count, count));
}

/** The value of a float16. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
