// A groove as a MIDI file, byte for byte as `write_midi` of the package writes it.

import { DRUMS, TICKS_PER_STEP, hitsOf } from "./groove.js";

const TICKS_PER_QUARTER = 480;
const NOTE_TICKS = 120;
const MAX_REST_BARS = 3;
const [NOTE_ON, NOTE_OFF] = [0x99, 0x89];
const [META, OFF, ON] = [0, 1, 2];

/**
 * @param {Float32Array} frames
 * @param {{tempo: number, timeSignature: [number, number], pitches: number[],
 *     name: string}} options The pitch of each drum, and the title.
 * @returns {Uint8Array}
 */
export function writeMidi(frames, { tempo, timeSignature, pitches, name }) {
  const end = (frames.length / (3 * DRUMS)) * TICKS_PER_STEP;
  const [beats, unit] = timeSignature;
  const events = [
    ...(name ? [meta(0x03, new TextEncoder().encode(name))] : []),
    meta(0x58, [beats, Math.log2(unit), 24, 8]),
    meta(0x51, bigEndian(clamp(roundHalfEven(60e6 / tempo), 1, 2 ** 24 - 1), 3)),
  ].map((bytes) => ({ tick: 0, kind: META, bytes }));
  const notes = notesOf(frames, pitches, end);
  if (isLateEnd(frames, (beats * 16) / unit)) {
    events.push({ tick: end, kind: META, bytes: meta(0x06, text("end")) });
  }
  for (const { start, stop, pitch, velocity } of notes) {
    events.push({ tick: start, kind: ON, bytes: [pitch, velocity] });
    events.push({ tick: stop, kind: OFF, bytes: [pitch, 64] });
  }
  // Metas keep their order; notes are in the order of pitch and velocity.
  events.sort((a, b) => a.tick - b.tick || a.kind - b.kind || (a.kind && order(a, b)));

  const track = [];
  let [now, status] = [0, META];
  for (const { tick, kind, bytes } of events) {
    track.push(...variableLength(tick - now));
    now = tick;
    // Running status: a byte that repeats the one before is left out.
    if (kind !== META && kind !== status) track.push(kind === ON ? NOTE_ON : NOTE_OFF);
    track.push(...bytes);
    status = kind;
  }
  track.push(...variableLength(end - now), ...meta(0x2f, []));
  return Uint8Array.from([
    ...text("MThd"), ...bigEndian(6, 4), 0, 0, 0, 1, ...bigEndian(TICKS_PER_QUARTER, 2),
    ...text("MTrk"), ...bigEndian(track.length, 4), ...track,
  ]);
}

/** The nearest tick to a hit that lies inside its cell. */
export function tickOf({ step, offset }) {
  const tick = roundHalfEven(((step - offset) / 4) * TICKS_PER_QUARTER);
  const half = TICKS_PER_STEP / 2;
  const middle = step * TICKS_PER_STEP;
  return clamp(tick, middle - half + 1, middle + half - 1);
}

/** Velocity as MIDI has it, 1 to 127. */
export function midiVelocity(velocity) {
  return clamp(roundHalfEven(Math.fround(Math.fround(velocity) * 127)), 1, 127);
}

function notesOf(frames, pitches, end) {
  const notes = hitsOf(frames).map((hit) => {
    const start = clamp(tickOf(hit), 0, end - 1);
    const pitch = pitches[hit.drum];
    return { start, drum: hit.drum, pitch, velocity: midiVelocity(hit.velocity) };
  });
  notes.sort((a, b) => a.start - b.start || a.drum - b.drum);
  const following = new Map();
  for (const note of notes.toReversed()) {
    const next = following.get(note.pitch) ?? end;
    note.stop = Math.min(note.start + NOTE_TICKS, end, next);
    following.set(note.pitch, note.start);
  }
  return notes;
}

/** Whether the end needs a marker: after so many empty bars it would not be believed. */
function isLateEnd(frames, barSteps) {
  const hits = hitsOf(frames);
  if (!hits.length) return true;
  const steps = frames.length / (3 * DRUMS);
  return Math.floor((steps - 1 - hits.at(-1).step) / barSteps) > MAX_REST_BARS;
}

function order(a, b) {
  return a.bytes[0] - b.bytes[0] || a.bytes[1] - b.bytes[1];
}

function meta(kind, data) {
  return [0xff, kind, ...variableLength(data.length), ...data];
}

function variableLength(number) {
  const digits = [number & 0x7f];
  while ((number >>= 7)) digits.unshift((number & 0x7f) | 0x80);
  return digits;
}

function bigEndian(number, bytes) {
  return Array.from({ length: bytes }, (_, i) => (number >> (8 * (bytes - 1 - i))) & 255);
}

function text(ascii) {
  return Array.from(ascii, (letter) => letter.charCodeAt(0));
}

function roundHalfEven(x) {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
