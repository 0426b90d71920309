// Conditions: named values that one can wish for (`grooves/conditions.py`).

import { DRUMS, FEATURES } from "./heads.js";

// The least difference between the values of neighbouring ranks.
const APART = 1e-9;

/** The value at `x` on the line through points with growing `from`. */
export function interpolate(x, from, to) {
  if (x <= from[0]) return to[0];
  const above = from.findIndex((value) => value > x);
  if (above < 0) return to.at(-1);
  const slope = (to[above] - to[above - 1]) / (from[above] - from[above - 1]);
  return slope * (x - from[above - 1]) + to[above - 1];
}

// The code of a value of each kind; null is open.
const KINDS = {
  choice: {
    width: (vocabulary) => vocabulary.length,
    encode: (value, vocabulary) => vocabulary.map((name) => Number(name === value)),
    wish: (value) => value,
  },
  flag: {
    width: () => 2,
    encode: (value) => (value === null ? [0, 0] : [value ? 1 : -1, 1]),
    wish: (value) => value,
  },
  number: {
    width: () => 2,
    encode: (value, { mean, stddev }) => (value === null ? [0, 0] : [(value - mean) / stddev, 1]),
    wish: (value) => value,
  },
  ranked: {
    width: () => 2,
    encode(value, vocabulary) {
      if (value === null) return [0, 0];
      const rank = interpolate(value, vocabulary, ranks(vocabulary));
      return [(rank - 0.5) * Math.sqrt(12), 1];
    },
    // Of a rank from 0 to 1 the value that has it.
    wish: (rank, vocabulary) =>
      interpolate(rank, ranks(vocabulary), vocabulary) - vocabulary.length * APART,
  },
};

export class Conditions {
  /** @param {{name, kind, vocabulary, default, drawn}[]} conditions In the order of codes. */
  constructor(conditions) {
    this.all = conditions;
  }

  /** The code if nothing is wished for. */
  get open() {
    return this.#encode((condition) => condition.default);
  }

  /**
   * The codes of new grooves.
   *
   * @param {object} wishes Values by name; null leaves one open.
   * @param {import("./random.js").Stream} chance Draws those for which none is wished
   *     and in which grooves should differ.
   * @param {number} count How many grooves.
   * @returns {{condition: Float32Array, base: Float32Array}[]} `base` is the code
   *     without the wishes.
   */
  wished(wishes, chance, count) {
    const draws = this.all.map(({ drawn }) =>
      Array.from({ length: drawn ? count : 0 }, () => chance.random()),
    );
    const wish = (condition, value) => KINDS[condition.kind].wish(value, condition.vocabulary);
    return Array.from({ length: count }, (_, groove) => {
      const unasked = (condition, i) =>
        condition.drawn ? wish(condition, draws[i][groove]) : condition.default;
      const asked = (condition, i) => {
        const value = wishes[condition.name];
        if (value === undefined) return unasked(condition, i);
        return value === null ? null : wish(condition, value);
      };
      return { condition: this.#encode(asked), base: this.#encode(unasked) };
    });
  }

  /** The code of music, as far as its notes tell. */
  read(frames, tempo, stepsPerBar) {
    const known = { ...measures(frames, stepsPerBar), tempo, phrase: "1" };
    return this.#encode((condition) => known[condition.name] ?? null);
  }

  #encode(valueOf) {
    const codes = this.all.map((condition, i) =>
      KINDS[condition.kind].encode(valueOf(condition, i), condition.vocabulary),
    );
    return Float32Array.from(codes.flat());
  }
}

function ranks(vocabulary) {
  return vocabulary.map((_, i) => i / (vocabulary.length - 1));
}

/** Density, loudness, swing and repetition of frames (steps * 27); null where there is none. */
export function measures(frames, stepsPerBar) {
  const sums = [0, 1].map(() => ({ hits: 0, velocity: 0, offset: 0 }));
  const steps = frames.length / FEATURES;
  for (let step = 0; step < steps; step++) {
    const sum = sums[step % 2];
    for (let drum = 0; drum < DRUMS; drum++) {
      const at = step * FEATURES + drum;
      if (!frames[at]) continue;
      sum.hits += 1;
      sum.velocity += frames[at + DRUMS];
      sum.offset += frames[at + 2 * DRUMS];
    }
  }
  const [even, odd] = sums;
  const hits = even.hits + odd.hits;
  // Offsets are doubled and positive where early.
  const swung = even.offset / even.hits - odd.offset / odd.hits;
  return {
    density: hits / (steps / stepsPerBar),
    loudness: hits ? (even.velocity + odd.velocity) / hits : null,
    swing: even.hits && odd.hits ? 0.5 * swung : null,
    repetition: repetition(frames, stepsPerBar),
  };
}

/** The mean share of hits that two bars have in common; null where there is none. */
function repetition(frames, stepsPerBar) {
  const cells = [];
  for (let at = 0; at < frames.length; at += FEATURES) {
    cells.push(...frames.subarray(at, at + DRUMS));
  }
  const size = stepsPerBar * DRUMS;
  const bars = cells.length / size;
  const shares = [];
  for (let a = 0; a < bars; a++) {
    for (let b = a + 1; b < bars; b++) {
      let [both, either] = [0, 0];
      for (let i = 0; i < size; i++) {
        const [x, y] = [cells[a * size + i] > 0.5, cells[b * size + i] > 0.5];
        both += x && y;
        either += x || y;
      }
      if (either) shares.push(both / either);
    }
  }
  return shares.length ? shares.reduce((sum, share) => sum + share, 0) / shares.length : null;
}
