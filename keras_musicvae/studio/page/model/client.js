// The page's side of the worker: the verbs of `MusicVAE` as promises.

export class ModelClient {
  #waiting = new Map();
  #next = 0;

  /**
   * @param {object} config `model.json`.
   * @param {Promise<ArrayBuffer>} weights
   */
  constructor(config, weights) {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    this.ready = weights.then((buffer) => this.#send("load", [config, buffer], [buffer]));
  }

  /** Calls a verb of `MusicVAE`, when the weights are there. */
  async call(verb, ...args) {
    await this.ready;
    return this.#send(verb, args);
  }

  #send(verb, args, transfer = []) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, verb, args }, transfer);
    });
  }
}

/** The bytes of a compressed file. */
export async function fetchUnpacked(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
