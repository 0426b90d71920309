// The model and its verbs: performance = decode(z, known, condition).
//
// The same seed and settings give the same notes as the verbs of the Python package.

import { Conditions } from "./conditions.js";
import { Decoder } from "./decoder.js";
import { encode } from "./encoder.js";
import { FEATURES } from "./heads.js";
import { combine } from "./linear.js";
import { among, blended, chosen, nearby } from "./paths.js";
import { Prior } from "./prior.js";
import { PURPOSE, Stream } from "./random.js";

// Brings similarities to shares of the noise that is kept, see `models/verbs.py`.
const EVENLY = 1.9;

/**
 * How grooves are drawn.
 * @typedef {object} Playing
 * @property {number} seed
 * @property {number} temperature
 * @property {number} [tempo] Of music, and of new grooves a condition.
 * @property {number} [count] How many grooves. Default 1.
 * @property {import("./decoder.js").Kept} [kept] What stays as it is.
 */

export class MusicVAE {
  /**
   * @param {object} config `model.json`.
   * @param {object} weights See `weights.js`.
   */
  constructor(config, weights) {
    this.architecture = config.architecture;
    this.weights = weights;
    this.conditions = new Conditions(config.conditions);
    this.prior = new Prior(weights.prior ?? null);
    this.decoder = new Decoder(weights, config.architecture);
  }

  /**
   * New grooves.
   * @param {Playing} playing
   * @param {object} wishes Values by the names of conditions.
   * @returns {Float32Array[]} Frames (steps * 27) of each.
   */
  sample(playing, wishes = {}) {
    const { seed, tempo, count = 1 } = playing;
    const chance = new Stream(seed, PURPOSE.known);
    const codes = this.conditions.wished({ tempo, ...wishes }, chance, count);
    const normal = new Stream(seed, PURPOSE.latents);
    const uniform = this.#uniform(seed);
    return codes.map((code) => {
      const z = this.prior.draw(normal.normal(this.architecture.latent_dim), code);
      return this.#play(z, code, uniform(), playing);
    });
  }

  /** Music as the model understands it. */
  reconstruct(frames, playing) {
    const { code, mean } = this.#place(frames, playing.tempo);
    return [this.#play(mean, code, this.#uniform(playing.seed)(), playing)];
  }

  /** Variations of music; `similarity` from 0, unrelated, to 1, the music itself. */
  similar(frames, similarity, playing) {
    const { seed, count = 1 } = playing;
    const share = 1 - (1 - similarity) ** EVENLY;
    const place = this.#place(frames, playing.tempo);
    const behind = this.#behind(frames, place, playing);
    const normal = new Stream(seed, PURPOSE.neighbours);
    const uniform = this.#uniform(seed);
    const choice = this.#uniform(seed, PURPOSE.choice);
    return Array.from({ length: count }, () => {
      const near = nearby(place.noise, normal.normal(place.noise.length), share);
      const z = combine(this.prior.draw(near, place.code), place.lost, (a, b) => a + share * b);
      const [other, change] = [uniform(), choice()];
      const noise = other.map((own, i) => (change[i] < Math.fround(share) ? behind[i] : own));
      return this.#play(z, place.code, noise, playing);
    });
  }

  /** Four grooves as corners for `between`. */
  corners(grooves, playing) {
    return grooves.map((frames) => {
      const place = this.#place(frames, playing.tempo);
      return { ...place, behind: this.#behind(frames, place, playing) };
    });
  }

  /** A groove among four; x from left to right and y from top to bottom, 0 to 1. */
  between(corners, x, y, playing) {
    const all = (name) => corners.map((corner) => corner[name]);
    const condition = blended(corners.map(({ code }) => code.condition), x, y);
    const code = { condition, base: this.conditions.open };
    const z = this.prior.draw(among(all("noise"), x, y), code);
    const lost = blended(all("lost"), x, y);
    const change = this.#uniform(playing.seed, PURPOSE.choice)();
    const noise = chosen(all("behind"), change, x, y);
    return [this.#play(combine(z, lost, (a, b) => a + b), code, noise, playing)];
  }

  /** Where music lies: its condition, latent and noise, and what the noise loses. */
  #place(frames, tempo) {
    const { architecture, weights } = this;
    const condition = this.conditions.read(frames, tempo, architecture.steps_per_bar);
    const code = { condition, base: this.conditions.open };
    const mean = encode(frames, condition, weights, architecture);
    const noise = this.prior.noiseOf(mean, code);
    const again = this.prior.draw(noise, code);
    return { code, mean, noise, lost: combine(mean, again, (a, b) => a - b) };
  }

  /** The noise from which music would have been drawn itself. */
  #behind(frames, { code, mean }, { seed, temperature }) {
    const chance = this.#uniform(seed)();
    return this.decoder.noiseBehind(frames, mean, code.condition, chance, temperature);
  }

  #play(z, { condition }, noise, { temperature, kept }) {
    return this.decoder.play(z, condition, noise, temperature, kept);
  }

  /** A function that gives the uniform noise of one groove after the other. */
  #uniform(seed, purpose = PURPOSE.hits) {
    const stream = new Stream(seed, purpose);
    return () => stream.uniform(this.decoder.steps * FEATURES);
  }
}
