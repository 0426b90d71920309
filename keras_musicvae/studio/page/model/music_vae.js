// The model and its verbs: performance = decode(z, known, condition).
//
// The same seed and settings give the same notes as the verbs of the Python package.

import { Conditions } from "./conditions.js";
import { FEATURES, decode } from "./decoder.js";
import { encode } from "./encoder.js";
import { combine } from "./linear.js";
import { among, blended, nearby } from "./paths.js";
import { Prior } from "./prior.js";
import { PURPOSE, Stream } from "./random.js";

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
    this.prior = new Prior(weights.prior ?? null, this.conditions.wished({}));
  }

  /**
   * New grooves.
   * @param {Playing} playing
   * @param {object} wishes Values by the names of conditions.
   * @returns {Float32Array[]} Frames (steps * 27) of each.
   */
  sample(playing, wishes = {}) {
    const condition = this.conditions.wished({ tempo: playing.tempo, ...wishes });
    const normal = new Stream(playing.seed, PURPOSE.latents);
    const latents = copies(playing, () =>
      this.prior.draw(normal.normal(this.architecture.latent_dim), condition),
    );
    return this.#decode(latents, condition, playing);
  }

  /** Music as the model understands it. */
  reconstruct(frames, playing) {
    const { condition, mean } = this.#place(frames, playing.tempo);
    return this.#decode(copies(playing, () => mean), condition, playing);
  }

  /** Variations of music; `similarity` from 0, unrelated, to 1. */
  similar(frames, similarity, playing) {
    const { condition, noise, lost } = this.#place(frames, playing.tempo);
    const normal = new Stream(playing.seed, PURPOSE.neighbours);
    const latents = copies(playing, () => {
      const other = normal.normal(noise.length);
      const z = this.prior.draw(nearby(noise, other, similarity), condition);
      return combine(z, lost, (a, b) => a + similarity * b);
    });
    return this.#decode(latents, condition, playing);
  }

  /** Four grooves as corners for `between`. */
  corners(grooves, tempo) {
    const places = grooves.map((frames) => this.#place(frames, tempo));
    const all = (name) => places.map((place) => place[name]);
    return { noise: all("noise"), lost: all("lost"), condition: all("condition") };
  }

  /** A groove among four; x from left to right and y from top to bottom, 0 to 1. */
  between(corners, x, y, playing) {
    const condition = blended(corners.condition, x, y);
    const z = this.prior.draw(among(corners.noise, x, y), condition);
    const lost = blended(corners.lost, x, y);
    return this.#decode([combine(z, lost, (a, b) => a + b)], condition, playing);
  }

  /** Where music lies: its condition, latent and noise, and what the noise loses. */
  #place(frames, tempo) {
    const { architecture, weights } = this;
    const condition = this.conditions.read(frames, tempo, architecture.steps_per_bar);
    const mean = encode(frames, condition, weights, architecture);
    const noise = this.prior.noiseOf(mean, condition);
    const again = this.prior.draw(noise, condition);
    return { condition, mean, noise, lost: combine(mean, again, (a, b) => a - b) };
  }

  #decode(latents, condition, { seed, temperature, kept = null }) {
    const { architecture, weights } = this;
    const size = architecture.num_bars * architecture.steps_per_bar * FEATURES;
    const uniform = new Stream(seed, PURPOSE.hits);
    return latents.map((z) =>
      decode(z, condition, uniform.uniform(size), temperature, weights, architecture, kept),
    );
  }
}

function copies({ count = 1 }, make) {
  return Array.from({ length: count }, make);
}
