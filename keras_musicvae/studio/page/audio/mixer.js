// Strokes to sound: the mix of `audio/render.py` as a Web Audio graph.

const VELOCITY_EXPONENT = 1.6;
// Below the knee the mix is untouched; peaks above it bend towards the ceiling.
const KNEE = 0.6;
const CEILING = 10 ** (-1 / 20);
const HEADROOM = 8;
const CHOKE_SECONDS = 0.03;
const [CLOSED_HAT, OPEN_HAT] = [2, 3];

export class Mixer {
  /**
   * @param {BaseAudioContext} context
   * @param {ReturnType<typeof import("./kit.js").readKit>} kit
   */
  constructor(context, kit) {
    this.context = context;
    this.kit = kit;
    this.turns = kit.map(() => 0);
    this.ringing = [];
    this.sounding = new Set();
    this.output = limiter(context);
    const root = Math.sqrt(2);
    this.drums = kit.map(({ pan }) => {
      const panner = new StereoPannerNode(context, { pan });
      panner.connect(new GainNode(context, { gain: root })).connect(this.output.input);
      return panner;
    });
  }

  /** Plays a drum at a time of the context. */
  strike(drum, velocity, time) {
    const { takes } = this.kit[drum];
    const take = takes[this.turns[drum]++ % takes.length];
    const level = new GainNode(this.context);
    level.connect(this.drums[drum]);
    const gain = velocity ** VELOCITY_EXPONENT;
    for (const [buffer, share] of [[take.soft, 1 - velocity], [take.hard, velocity]]) {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      source.connect(new GainNode(this.context, { gain: gain * share })).connect(level);
      source.start(Math.max(time, 0));
      this.sounding.add(source);
      source.onended = () => this.sounding.delete(source);
    }
    if (drum === CLOSED_HAT) this.#choke(time);
    if (drum === OPEN_HAT) this.ringing.push({ level, time });
  }

  /** Silences all that was struck or is about to be. */
  stop() {
    for (const source of this.sounding) source.stop();
    this.sounding.clear();
    this.ringing = [];
  }

  /** A closed hi-hat ends the open ones before it. */
  #choke(time) {
    this.ringing = this.ringing.filter((open) => {
      if (open.time >= time) return true;
      open.level.gain.setValueAtTime(1, time);
      open.level.gain.linearRampToValueAtTime(0, time + CHOKE_SECONDS);
      return false;
    });
  }
}

/** No peak passes the ceiling, whatever is struck at once. */
function limiter(context) {
  const size = 8193;
  const curve = Float32Array.from({ length: size }, (_, i) => {
    const peak = HEADROOM * ((2 * i) / (size - 1) - 1);
    const loud = Math.abs(peak);
    if (loud <= KNEE) return peak;
    const room = CEILING - KNEE;
    return Math.sign(peak) * (KNEE + room * Math.tanh((loud - KNEE) / room));
  });
  const input = new GainNode(context, { gain: 1 / HEADROOM });
  const shaper = new WaveShaperNode(context, { curve });
  const volume = new GainNode(context);
  input.connect(shaper).connect(volume).connect(context.destination);
  return { input, volume };
}
