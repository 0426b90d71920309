// Loops a groove without a seam, and renders one to samples.

import { hitsOf, swung } from "../music/groove.js";
import { Mixer } from "./mixer.js";

// Strokes are handed to the sound card so long before they sound.
const AHEAD_SECONDS = 0.15;
const TICK_MILLISECONDS = 25;
const SAMPLE_RATE = 44100;

export class Player {
  #timer = null;

  /**
   * @param {ReturnType<typeof import("./kit.js").readKit>} kit
   * @param {() => {frames: Float32Array, tempo: number, swing: number}} current What to
   *     play; asked anew all the time, so that changes sound at once.
   * @param {{steps: number, stepsPerQuarter: number}} grid
   */
  constructor(kit, current, grid) {
    this.kit = kit;
    this.current = current;
    this.grid = grid;
  }

  get playing() {
    return this.#timer !== null;
  }

  /** Where the loop is, in steps; null when nothing plays. */
  get position() {
    if (!this.playing) return null;
    const { steps } = this.grid;
    const late = this.context.outputLatency || 0;
    const passed = (this.context.currentTime - late - this.now.time) / this.#stepSeconds();
    return (((this.now.step + passed) % steps) + steps) % steps;
  }

  set volume(value) {
    this.level = value;
    if (this.mixer) this.mixer.output.volume.gain.value = value;
  }

  async start() {
    await this.#open();
    // The step that was reached, and when that was.
    this.now = { step: 0, time: this.context.currentTime + 0.06 };
    this.scheduled = -0.5;
    this.#timer = setInterval(() => this.#schedule(), TICK_MILLISECONDS);
    this.#schedule();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.mixer?.stop();
  }

  /** Plays one drum now. */
  async strike(drum, velocity) {
    await this.#open();
    this.mixer.strike(drum, velocity, this.context.currentTime);
  }

  async #open() {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (!this.mixer) {
      this.mixer = new Mixer(this.context, this.kit);
      this.volume = this.level ?? 1;
    }
    if (this.context.state !== "running") await this.context.resume();
  }

  #stepSeconds() {
    return 60 / this.current().tempo / this.grid.stepsPerQuarter;
  }

  #schedule() {
    const { frames, swing } = this.current();
    const { steps } = this.grid;
    const stepSeconds = this.#stepSeconds();
    const passed = (this.context.currentTime - this.now.time) / stepSeconds;
    if (passed > 0) {
      // From here on the tempo may be another.
      this.now = { step: this.now.step + passed, time: this.context.currentTime };
    }
    const until = this.now.step + AHEAD_SECONDS / stepSeconds;
    for (const { step, drum, velocity, offset } of hitsOf(swung(frames, swing))) {
      const place = step - offset;
      // The first round of the loop in which the hit is not yet scheduled.
      let round = Math.ceil((this.scheduled - place) / steps);
      for (; place + round * steps < until; round++) {
        const time = this.now.time + (place + round * steps - this.now.step) * stepSeconds;
        this.mixer.strike(drum, velocity, Math.max(time, this.context.currentTime));
      }
    }
    this.scheduled = Math.max(until, this.scheduled);
  }
}

/**
 * A groove as samples that loop without a seam: what rings on is at the start.
 *
 * @returns {Promise<AudioBuffer>} Stereo, as long as the groove.
 */
export async function render(kit, { frames, tempo, swing }, { steps, stepsPerQuarter }) {
  const stepSeconds = 60 / tempo / stepsPerQuarter;
  const length = Math.round(steps * stepSeconds * SAMPLE_RATE);
  const context = new OfflineAudioContext(2, 2 * length, SAMPLE_RATE);
  const mixer = new Mixer(context, kit);
  const hits = hitsOf(swung(frames, swing)).map((hit) => ({ ...hit, place: hit.step - hit.offset }));
  hits.sort((a, b) => a.place - b.place);
  for (const round of [0, 1, 2]) {
    for (const { place, drum, velocity } of hits) {
      const time = (place + round * steps) * stepSeconds;
      if (time < 2 * steps * stepSeconds) mixer.strike(drum, velocity, time);
    }
  }
  const twice = await context.startRendering();
  const loop = new AudioBuffer({ length, sampleRate: SAMPLE_RATE, numberOfChannels: 2 });
  for (const channel of [0, 1]) {
    loop.copyToChannel(twice.getChannelData(channel).subarray(length), channel);
  }
  return loop;
}
