// Runs the model beside the page, so that the page never stands still.

import { MusicVAE } from "./music_vae.js";
import { readWeights } from "./weights.js";

const VERBS = ["sample", "reconstruct", "similar", "corners", "between"];
let model;

self.onmessage = ({ data: { id, verb, args } }) => {
  try {
    if (verb === "load") {
      const [config, buffer] = args;
      model = new MusicVAE(config, readWeights(buffer, config.weights));
      self.postMessage({ id, result: true });
    } else if (VERBS.includes(verb)) {
      self.postMessage({ id, result: model[verb](...args) });
    } else {
      throw new Error(`Unknown verb: ${verb}`);
    }
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
