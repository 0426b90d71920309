// The package's drum kit, from the samples in `kit.bin`.

/** One stroke: the softest and the hardest one, to be mixed by velocity. */
/** @typedef {{soft: AudioBuffer, hard: AudioBuffer}} Take */

/**
 * @param {ArrayBuffer} bytes Mu-law samples, one byte each.
 * @param {{sample_rate: number, drums: {pan: number, takes: number[][]}[]}} index
 * @returns {{pan: number, takes: Take[]}[]} For each drum.
 */
export function readKit(bytes, { sample_rate: sampleRate, drums }) {
  const samples = new Int8Array(bytes);
  let at = 0;
  const buffer = (length) => {
    const buffer = new AudioBuffer({ length, sampleRate, numberOfChannels: 1 });
    const part = samples.subarray(at, (at += length));
    buffer.copyToChannel(Float32Array.from(part, fromMuLaw), 0);
    return buffer;
  };
  return drums.map(({ pan, takes }) => ({
    pan,
    takes: takes.map(([soft, hard]) => ({ soft: buffer(soft), hard: buffer(hard) })),
  }));
}

function fromMuLaw(byte) {
  const size = (256 ** (Math.abs(byte) / 127) - 1) / 255;
  return byte < 0 ? -size : size;
}
