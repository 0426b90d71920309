// The random numbers of the package: NumPy's `default_rng`, restated.
//
// A seed gives the same noise here and in Python (`models/random.py`): SeedSequence
// mixes the seed, PCG64 (O'Neill 2014) draws bits, and the ziggurat (Marsaglia & Tsang
// 2000) makes normal numbers of them.

/** What random numbers are drawn for; each purpose has a stream of its own. */
export const PURPOSE = { latents: 0, hits: 1, neighbours: 2, known: 4, choice: 5 };

export class Stream {
  /**
   * @param {number} seed An integer from 0 to 2^32 - 1.
   * @param {number} purpose One of `PURPOSE`.
   */
  constructor(seed, purpose) {
    const [a, b, c, d] = seedWords([seed, purpose]);
    this.increment = ((c << 64n) | d) << 1n & MASK_128 | 1n;
    this.state = 0n;
    this.#step();
    this.state = this.state + ((a << 64n) | b) & MASK_128;
    this.#step();
    this.spare = null;
  }

  /** Standard normal numbers, float32. */
  normal(count) {
    return Float32Array.from({ length: count }, () => this.#normal());
  }

  /** Uniform numbers in (0, 1), never at the ends, float32. */
  uniform(count) {
    const draw = () => ((this.bits() >>> 9) + 0.5) / 2 ** 23;
    return Float32Array.from({ length: count }, draw);
  }

  /** A uniform number in [0, 1), with the precision of float64. */
  random() {
    return Number(this.#word() >> 11n) / 2 ** 53;
  }

  /** The next 32 bits; of 64 that are drawn at once the low ones come first. */
  bits() {
    if (this.spare !== null) {
      const high = this.spare;
      this.spare = null;
      return high;
    }
    const word = this.#word();
    this.spare = Number(word >> 32n);
    return Number(word & MASK_32);
  }

  #word() {
    this.#step();
    const mixed = (this.state >> 64n) ^ (this.state & MASK_64);
    const turn = this.state >> 122n;
    return (mixed >> turn | mixed << (64n - turn)) & MASK_64;
  }

  #step() {
    this.state = this.state * MULTIPLIER + this.increment & MASK_128;
  }

  #fraction() {
    return (this.bits() >>> 8) / 2 ** 24;
  }

  #normal() {
    for (;;) {
      const bits = this.bits();
      const layer = bits & 0xff;
      const size = bits >>> 9;
      const x = Math.fround(size * ZIGGURAT.widths[layer]);
      const signed = bits & 0x100 ? -x : x;
      if (size < ZIGGURAT.inside[layer]) return signed;
      if (layer === 0) return this.#tail(size);
      const { heights } = ZIGGURAT;
      const step = Math.fround(heights[layer - 1] - heights[layer]);
      const y = Math.fround(Math.fround(step * this.#fraction()) + heights[layer]);
      if (y < Math.exp(-0.5 * x * x)) return signed;
    }
  }

  #tail(size) {
    for (;;) {
      const x = Math.fround(-Math.fround(1 / EDGE) * log1p(-this.#fraction()));
      const y = Math.fround(-log1p(-this.#fraction()));
      if (2 * y > x * x) {
        const value = Math.fround(Math.fround(EDGE) + x);
        return size & 0x100 ? -value : value;
      }
    }
  }
}

const MASK_32 = 0xffffffffn;
const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

// Where the tail begins, and the area of each layer.
const EDGE = 3.6541528853610088;
const AREA = 0.0049286732339746519;
const ZIGGURAT = ziggurat(2 ** 23);

function log1p(x) {
  return Math.fround(Math.log1p(x));
}

/** 256 layers under the bell curve, for integers below `scale`. */
function ziggurat(scale) {
  const bell = (x) => Math.exp(-0.5 * x * x);
  const inside = new Uint32Array(256);
  const widths = new Float32Array(256);
  const heights = new Float32Array(256);
  let x = EDGE;
  const bottom = AREA / bell(x);
  inside[0] = Math.round((x / bottom) * scale);
  widths[0] = bottom / scale;
  widths[255] = x / scale;
  heights[0] = 1;
  heights[255] = bell(x);
  for (let layer = 254; layer >= 1; layer--) {
    const next = Math.sqrt(-2 * Math.log(AREA / x + bell(x)));
    inside[layer + 1] = Math.round((next / x) * scale);
    widths[layer] = next / scale;
    heights[layer] = bell(next);
    x = next;
  }
  return { inside, widths, heights };
}

/** SeedSequence: four words of 64 bits from small integers. */
function seedWords(entropy) {
  const scrambler = (constant, multiplier) => (value) => {
    value ^= constant;
    constant = Math.imul(constant, multiplier);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const mix = (x, y) => {
    const value = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y) | 0;
    return value ^ (value >>> 16);
  };
  let hash = scrambler(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
    }
  }
  hash = scrambler(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4]) >>> 0));
  return [0, 2, 4, 6].map((i) => (words[i + 1] << 32n) | words[i]);
}
