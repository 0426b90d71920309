// Ways through the latent space (`models/latent_paths.py`).

/** Along the arc from `start` (t = 0) to `end` (t = 1); the length changes evenly. */
export function slerp(start, end, t) {
  if (t === 0) return start;
  if (t === 1) return end;
  const [lengthA, lengthB] = [length(start), length(end)];
  const unit = (vector, size) => Array.from(vector, (x) => x / (size || 1));
  let [a, b] = [unit(start, lengthA), unit(end, lengthB)];
  if (!lengthA) a = b;
  if (!lengthB) b = a;
  const cosine = dot(a, b);
  const rejection = b.map((x, i) => x - cosine * a[i]);
  const sine = length(rejection);
  const angle = t * Math.atan2(sine, cosine);
  const across = rejection.map((x) => x / (sine || 1));
  const size = (1 - t) * lengthA + t * lengthB;
  const [along, aside] = [Math.cos(angle) * size, Math.sin(angle) * size];
  return Float32Array.from(a, (x, i) => along * x + aside * across[i]);
}

/** Among four latents: top left, top right, bottom left, bottom right. */
export function among(corners, x, y) {
  const left = slerp(corners[0], corners[2], y);
  const right = slerp(corners[1], corners[3], y);
  return slerp(left, right, x);
}

/** How much of each corner is in a point. */
function shares(x, y) {
  return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
}

/** The straight way among four vectors, in the same order. */
export function blended(corners, x, y) {
  const share = shares(x, y);
  return corners[0].map((_, i) =>
    corners.reduce((sum, corner, k) => sum + share[k] * corner[i], 0),
  );
}

/**
 * Takes each number from one of four vectors.
 * @param {Float32Array} chance Uniform in (0, 1): where each number changes over.
 */
export function chosen(corners, chance, x, y) {
  let sum = 0;
  const ends = shares(x, y).map((share) => (sum = Math.fround(sum + share)));
  return chance.map((place, i) => {
    const corner = ends.slice(0, 3).filter((end) => place >= end).length;
    return corners[corner][i];
  });
}

/** Noise around `z`, on the arc from it to other noise; 1 gives `z`, 0 `other`. */
export function nearby(z, other, similarity) {
  if (similarity === 1) return z;
  if (similarity === 0) return other;
  const angle = (similarity * Math.PI) / 2;
  const [own, its] = [Math.fround(Math.sin(angle)), Math.fround(Math.cos(angle))];
  return z.map((value, i) => Math.fround(own * value) + Math.fround(its * other[i]));
}

function dot(a, b) {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

function length(vector) {
  return Math.sqrt(dot(vector, vector));
}
