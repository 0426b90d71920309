// Reads a drum groove from the bytes of a MIDI file, as `read_midi` of the package does
// for files in one time signature. Strangers' bytes: every length is checked.

import { DRUMS, FEATURES, cellOf } from "./groove.js";

export const MAX_BYTES = 16 * 2 ** 20;
const MAX_EVENTS = 200_000;
const MAX_NOTES = 50_000;
const MAX_BARS = 4096;
const DRUM_CHANNEL = 9;
// A kit must know this share of the notes.
const CLEAR = 0.9;
// Notes that lie off so many steps of a quarter are played, not written.
const PLAYED_GRID = 24;
// The kits that show themselves by pitches that General MIDI does not have.
const KITS = ["roland_td11", "ezdrummer", "addictive_drums"];
const GENERAL_MIDI = "general_midi";

/** What is wrong with a file, in words for its owner. */
export class MidiError extends Error {}

/**
 * @param {Uint8Array} bytes
 * @param {{drumMaps: object, timeSignature: [number, number], stepsPerQuarter: number,
 *     stepsPerBar: number, drumMap?: string}} options `drumMap` is the kit that played;
 *     default: the one that the pitches show.
 * @returns {{frames: Float32Array, tempo: number, drumMap: string, unknown: number}}
 *     Frames of whole bars; `unknown` notes are of no drum.
 */
export function readMidi(bytes, options) {
  if (bytes.length > MAX_BYTES) throw new MidiError("The file is larger than 16 MB.");
  const midi = parse(bytes);
  checkTimeSignatures(midi, options);
  const drums = midi.notes.filter((note) => note.channel === DRUM_CHANNEL);
  const notes = drums.length ? drums : midi.notes;
  if (!notes.length) throw new MidiError("The file holds no notes.");
  const { drumMaps } = options;
  const drumMap = options.drumMap || guessDrumMap(notes, midi, drumMaps);
  // Where a kit was guessed, General MIDI fills its gaps.
  const gaps = options.drumMap ? {} : drumMaps[GENERAL_MIDI].drums;
  const drumOf = { ...gaps, ...drumMaps[drumMap].drums };
  const known = notes.filter((note) => drumOf[note.pitch] !== undefined);
  if (!known.length) throw new MidiError("The file plays no drum that the model knows.");
  const tempo = midi.tempos.filter(({ tick }) => tick === 0).at(-1)?.tempo ?? 120;
  const hits = quantized(known, midi.division, tempo, options.stepsPerQuarter);
  const last = Math.max(...hits.map(({ step }) => step));
  const bars = Math.floor(last / options.stepsPerBar) + 1;
  if (bars > MAX_BARS) throw new MidiError(`The file has more than ${MAX_BARS} bars.`);
  const frames = new Float32Array(bars * options.stepsPerBar * FEATURES);
  for (const { step, offset, pitch, velocity } of hits) {
    const at = cellOf(step, drumOf[pitch]);
    // Of several notes in a cell the loudest is kept, on a tie the first.
    if (Math.fround(velocity / 127) <= frames[at + DRUMS]) continue;
    frames[at] = 1;
    frames[at + DRUMS] = velocity / 127;
    frames[at + 2 * DRUMS] = 2 * Math.fround(offset);
  }
  return { frames, tempo, drumMap, unknown: notes.length - known.length };
}

/** The nearest step of each note, by Magenta's way from ticks to seconds and back. */
function quantized(notes, division, tempo, stepsPerQuarter) {
  const tickSeconds = 60 / (tempo * division);
  const quartersPerMinute = 60 / (tickSeconds * division);
  const stepSeconds = 60 / quartersPerMinute / stepsPerQuarter;
  const stepsPerSecond = (stepsPerQuarter * quartersPerMinute) / 60;
  return notes.map((note) => {
    const seconds = tickSeconds * note.tick;
    const step = Math.floor(seconds * stepsPerSecond + 0.5);
    const offset = (step * stepSeconds - seconds) / stepSeconds;
    return { ...note, step, offset: Math.min(Math.max(offset, -0.5), 0.5) };
  });
}

function guessDrumMap(notes, midi, drumMaps) {
  const share = (name) => {
    const { drums } = drumMaps[name];
    return notes.filter(({ pitch }) => drums[pitch] !== undefined).length / notes.length;
  };
  const shows = (name) => {
    if (name === "roland_td11" && (midi.pedal || (midi.played && share(name) === 1))) {
      return true;
    }
    const { drums } = drumMaps[name];
    return notes.some(({ pitch }) => (pitch < 27 || pitch > 87) && drums[pitch] !== undefined);
  };
  const clear = KITS.filter((name) => shows(name) && share(name) >= CLEAR);
  return clear.reduce((a, b) => (share(b) > share(a) ? b : a), clear[0] ?? GENERAL_MIDI);
}

function checkTimeSignatures({ timeSignatures }, { timeSignature: [beats, unit] }) {
  for (const [otherBeats, otherUnit] of timeSignatures) {
    if (otherBeats * unit !== beats * otherUnit) {
      throw new MidiError(
        `The model plays ${beats}/${unit}; the file is in ${otherBeats}/${otherUnit}.`,
      );
    }
  }
}

// --- The file -----------------------------------------------------------------

function parse(bytes) {
  const file = new Reader(bytes);
  if (file.ascii(4) !== "MThd") throw new MidiError("Not a MIDI file.");
  const header = file.part(file.number(4));
  header.number(2);
  header.number(2);
  const division = header.number(2);
  if (!division || division & 0x8000) {
    throw new MidiError("The file counts frames of a film, not beats.");
  }
  const midi = { division, notes: [], tempos: [], timeSignatures: [], pedal: false, events: 0 };
  while (file.left >= 8) {
    const kind = file.ascii(4);
    const chunk = file.part(Math.min(file.number(4), file.left));
    if (kind === "MTrk") readTrack(chunk, midi);
  }
  const offGrid = midi.notes.filter(({ tick }) => (tick * PLAYED_GRID) % division !== 0);
  midi.played = 2 * offGrid.length > midi.notes.length;
  midi.tempos.sort((a, b) => a.tick - b.tick);
  return midi;
}

function readTrack(track, midi) {
  let [tick, status] = [0, 0];
  while (track.left) {
    if (++midi.events > MAX_EVENTS) {
      throw new MidiError("The file has more than 200,000 events.");
    }
    tick += track.variable();
    let byte = track.number(1);
    if (byte === 0xff) {
      readMeta(track.number(1), track.part(track.variable()), tick, midi);
    } else if (byte === 0xf0 || byte === 0xf7) {
      track.part(track.variable());
    } else {
      if (byte & 0x80) {
        status = byte;
        byte = track.number(1);
      }
      const second = [0xc0, 0xd0].includes(status & 0xf0) ? 0 : track.number(1);
      readChannelEvent(status, byte, second, tick, midi);
    }
  }
}

function readChannelEvent(status, pitch, velocity, tick, midi) {
  const kind = status & 0xf0;
  if (kind < 0x80 || kind === 0xf0) throw new MidiError("The file is damaged.");
  const channel = status & 0x0f;
  if (kind === 0xb0 && channel === DRUM_CHANNEL && pitch === 4) midi.pedal = true;
  if (kind !== 0x90 || velocity === 0) return;
  if (midi.notes.length >= MAX_NOTES) throw new MidiError("The file has too many notes.");
  midi.notes.push({ tick, channel, pitch, velocity });
}

function readMeta(kind, data, tick, midi) {
  if (kind === 0x51 && data.left === 3) {
    const microseconds = data.number(3);
    if (microseconds) midi.tempos.push({ tick, tempo: 60e6 / microseconds });
  } else if (kind === 0x58 && data.left >= 2) {
    midi.timeSignatures.push([data.number(1), 2 ** data.number(1)]);
  }
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  number(size) {
    if (size > this.left) throw new MidiError("The file ends too early.");
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.bytes[this.at++];
    return value;
  }

  variable() {
    let value = 0;
    for (let digits = 0; digits < 4; digits++) {
      const byte = this.number(1);
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    throw new MidiError("The file is damaged.");
  }

  ascii(size) {
    return Array.from({ length: size }, () => String.fromCharCode(this.number(1))).join("");
  }

  part(size) {
    if (size > this.left) throw new MidiError("The file ends too early.");
    return new Reader(this.bytes.subarray(this.at, (this.at += size)));
  }
}
