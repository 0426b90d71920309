// Conditions: named values that one can wish for (`grooves/conditions.py`).

import { DRUMS, FEATURES } from "./heads.js";

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
    wish: (value, vocabulary) => interpolate(value, ranks(vocabulary), vocabulary),
  },
};

export class Conditions {
  /** @param {{name, kind, vocabulary, default}[]} conditions In the order of codes. */
  constructor(conditions) {
    this.all = conditions;
  }

  /** The code if only some values are wished for, by name; others have their default. */
  wished(wishes) {
    return this.#encode((condition) => {
      const value = wishes[condition.name];
      if (value === undefined || value === null) return condition.default;
      return KINDS[condition.kind].wish(value, condition.vocabulary);
    });
  }

  /** The code of music, as far as its notes tell. */
  read(frames, tempo, stepsPerBar) {
    const known = { ...measures(frames, stepsPerBar), tempo, phrase: "1" };
    return this.#encode((condition) => known[condition.name] ?? null);
  }

  #encode(valueOf) {
    const codes = this.all.map((condition) =>
      KINDS[condition.kind].encode(valueOf(condition), condition.vocabulary),
    );
    return Float32Array.from(codes.flat());
  }
}

function ranks(vocabulary) {
  return vocabulary.map((_, i) => i / (vocabulary.length - 1));
}

/** Density, loudness and swing of frames (steps * 27); null where there is none. */
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
  };
}
