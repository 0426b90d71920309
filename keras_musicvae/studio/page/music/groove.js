// A groove on the page: frames (steps * 27), a tempo, and how much off-beats are swung.
//
// A frame is one step: hits[9] | velocities[9] | doubled offsets[9], positive = early.

export const DRUMS = 9;
export const FEATURES = 3 * DRUMS;
export const TICKS_PER_STEP = 120;

// A swing of 1 delays every second step by a third of a step: triplets.
const FULL_SWING = 1 / 3;

/** Where the hit of a cell is in the frames. */
export const cellOf = (step, drum) => step * FEATURES + drum;

/** What is played in a cell; null if nothing is. */
export function hitAt(frames, step, drum) {
  const at = cellOf(step, drum);
  if (frames[at] <= 0.5) return null;
  return { velocity: frames[at + DRUMS], offset: frames[at + 2 * DRUMS] / 2 };
}

/** New frames with another hit in a cell; null removes it. */
export function withHit(frames, step, drum, hit) {
  const changed = frames.slice();
  const at = cellOf(step, drum);
  changed[at] = hit ? 1 : 0;
  changed[at + DRUMS] = hit ? clamp(hit.velocity, 1 / 127, 1) : 0;
  changed[at + 2 * DRUMS] = hit ? clamp(2 * hit.offset, -1, 1) : 0;
  return changed;
}

/** All hits, step by step: `{step, drum, velocity, offset}`. */
export function hitsOf(frames) {
  const hits = [];
  for (let step = 0; step < frames.length / FEATURES; step++) {
    for (let drum = 0; drum < DRUMS; drum++) {
      const hit = hitAt(frames, step, drum);
      if (hit) hits.push({ step, drum, ...hit });
    }
  }
  return hits;
}

/** Frames whose every second step comes later. */
export function swung(frames, swing) {
  if (!swing) return frames;
  const changed = frames.slice();
  for (const { step, drum, offset } of hitsOf(frames)) {
    if (step % 2 === 0) continue;
    const later = clamp(2 * (offset - swing * FULL_SWING), -1, 1);
    changed[cellOf(step, drum) + 2 * DRUMS] = later;
  }
  return changed;
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
