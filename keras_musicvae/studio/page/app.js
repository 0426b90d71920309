// The page: connects the state, the grid, the player and the model.

import { readKit } from "./audio/kit.js";
import { Player, render } from "./audio/player.js";
import { writeWav } from "./audio/wav.js";
import { ModelClient, fetchUnpacked } from "./model/client.js";
import { DRUMS, FEATURES, hitsOf, swung } from "./music/groove.js";
import { MAX_BYTES, readMidi } from "./music/midi_read.js";
import { writeMidi } from "./music/midi_write.js";
import { History, fromText, remember, remembered, toText } from "./state.js";
import { ConditionFields } from "./ui/condition_fields.js";
import { byId, download, element, say } from "./ui/elements.js";
import { Grid } from "./ui/grid.js";
import { Pad } from "./ui/pad.js";
import { drawPicture, drawThumbnail } from "./ui/picture.js";

const VARIATIONS = 4;
const NOTHING = { drums: [], bars: [] };

const config = await (await fetch("model.json")).json();
const model = new ModelClient(config, fetchUnpacked("weights.bin"));
const { num_bars: numBars, steps_per_bar: stepsPerBar } = config.architecture;
const steps = numBars * stepsPerBar;
const stepsPerQuarter = config.steps_per_quarter;

const initial = {
  slots: [new Float32Array(steps * FEATURES), new Float32Array(steps * FEATURES)],
  slot: 0,
  corners: [null, null, null, null],
  tempo: 110,
  swing: 0,
  seed: 1,
  temperature: 1,
  similarity: 0.8,
  wishes: {},
  locks: NOTHING,
};
const found = fromText(location.hash.slice(1), initial) ?? fromText(remembered() ?? "", initial);
const history = new History(found ?? initial);

const frames = () => history.state.slots[history.state.slot];
/** The groove of the chosen side replaced. */
const withFrames = (changed) => ({
  slots: history.state.slots.map((own, i) => (i === history.state.slot ? changed : own)),
});
const current = () => ({ ...history.state, frames: frames() });

// --- Grid ---------------------------------------------------------------------

const grid = new Grid(byId("grid"), {
  steps, stepsPerBar, stepsPerBeat: stepsPerQuarter,
});
grid.addEventListener("edit", ({ detail: { frames: changed, starts } }) => {
  if (starts) history.change(withFrames(changed));
  else history.adjust(withFrames(changed));
});
grid.addEventListener("lock", ({ detail }) => history.change({ locks: detail }));
grid.addEventListener("point", ({ detail }) => (byId("cell").textContent = detail));
grid.addEventListener("strike", ({ detail: { drum, velocity } }) => player?.strike(drum, velocity));
new ResizeObserver(() => grid.measure()).observe(byId("grid"));

// --- Playing ------------------------------------------------------------------

let player = null;
const kit = fetchUnpacked("kit.bin").then((bytes) => {
  const drums = readKit(bytes, config.kit);
  player = new Player(drums, current, { steps, stepsPerQuarter });
  player.volume = byId("volume").valueAsNumber;
  byId("play").disabled = byId("save-wav").disabled = false;
  return drums;
});

function togglePlaying() {
  if (!player) return;
  if (player.playing) player.stop();
  else player.start().then(followPlayer);
  byId("play").textContent = player.playing ? "Play" : "Stop";
}

function followPlayer() {
  byId("play").textContent = player.playing ? "Stop" : "Play";
  grid.showPosition(player.position);
  if (player.playing) requestAnimationFrame(followPlayer);
}

byId("play").addEventListener("click", togglePlaying);
byId("volume").addEventListener("input", ({ target }) => {
  if (player) player.volume = target.valueAsNumber;
});

// --- The model ----------------------------------------------------------------

/** Calls a verb of the model, and says so while it works. */
async function ask(doing, verb, ...args) {
  say(`${doing}…`);
  try {
    const result = await model.call(verb, ...args);
    say("Ready.");
    return result;
  } catch (error) {
    say(`This went wrong: ${error.message}`);
    throw error;
  }
}

const playing = () => {
  const { seed, temperature, tempo } = history.state;
  return { seed, temperature, tempo };
};

async function generate() {
  const [made] = await ask("Generating", "sample", playing(), history.state.wishes);
  history.change(withFrames(made));
}

async function vary() {
  const { similarity } = history.state;
  const options = { ...playing(), count: VARIATIONS };
  const made = await ask("Varying", "similar", frames(), similarity, options);
  byId("variations").replaceChildren(...made.map(thumbnail));
}

function thumbnail(made, i) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  drawThumbnail(canvas, made, getComputedStyle(document.body).getPropertyValue("--hit") && "#c87a2a");
  const button = element("button", { title: "Take this variation", "aria-label": `Variation ${i + 1}` }, canvas);
  button.addEventListener("click", () => history.change(withFrames(made)));
  return button;
}

async function humanize() {
  const kept = keptWhere((step, drum, feature) => feature === 0);
  const [made] = await ask("Humanizing", "reconstruct", frames(), { ...playing(), kept });
  history.change(withFrames(made));
}

async function fill() {
  const { similarity, locks } = history.state;
  if (locks.drums.length + locks.bars.length === 0) {
    say("Lock the drums or bars that should stay.");
    return;
  }
  const options = { ...playing(), kept: keptWhere(isLocked) };
  const [made] = await ask("Filling in", "similar", frames(), similarity, options);
  history.change({ ...withFrames(made), seed: history.state.seed + 1 });
}

const isLocked = (step, drum) => {
  const { drums, bars } = history.state.locks;
  return drums.includes(drum) || bars.includes(Math.floor(step / stepsPerBar));
};

/** What stays of the groove: feature 0 is the hit, 1 its velocity, 2 its offset. */
function keptWhere(keeps) {
  const values = frames();
  const mask = values.map((_, i) => {
    const column = i % FEATURES;
    return keeps(Math.floor(i / FEATURES), column % DRUMS, Math.floor(column / DRUMS));
  });
  return { values, mask };
}

function clear() {
  const { values, mask } = keptWhere(isLocked);
  history.change(withFrames(values.map((value, i) => (mask[i] ? value : 0))));
}

// --- Between four grooves -----------------------------------------------------

const pad = new Pad(byId("pad"));
let places = null; // Where the corners lie, once the model has told.
let asked = null; // The point for which the model is working or will be.

pad.addEventListener("corner", ({ detail }) => {
  const corners = history.state.corners.map((own, i) => (i === detail ? frames() : own));
  history.change({ corners });
});
pad.addEventListener("move", async ({ detail }) => {
  const { corners } = history.state;
  if (corners.includes(null)) {
    say("Fill the four corners first.");
    return;
  }
  const busy = asked !== null;
  asked = detail;
  if (busy) return;
  history.change({});
  try {
    if (places?.corners !== corners) {
      places = { corners, found: await ask("Reading", "corners", corners, playing()) };
    }
    // Points that were passed meanwhile are left out.
    for (let point = null; point !== asked; ) {
      point = asked;
      const [made] = await ask("Moving", "between", places.found, point.x, point.y, playing());
      history.adjust(withFrames(made));
    }
  } finally {
    asked = null;
  }
});

async function fillCorners() {
  const options = { ...playing(), count: 4 };
  const corners = await ask("Generating", "sample", options, history.state.wishes);
  history.change({ corners, seed: history.state.seed + 1 });
}

// --- In and out ---------------------------------------------------------------

const title = () => `groove seed ${history.state.seed}`;
const fileName = (suffix) => `${title().replaceAll(" ", "_")}${suffix}`;

function midiBytes() {
  const { tempo, swing } = history.state;
  return writeMidi(swung(frames(), swing), {
    tempo,
    timeSignature: config.time_signature,
    pitches: config.drum_maps[config.drum_map].written,
    name: title(),
  });
}

function saveMidi() {
  download(fileName(".mid"), midiBytes(), "audio/midi");
}

async function saveWav() {
  say("Rendering…");
  const sound = await render(await kit, current(), { steps, stepsPerQuarter });
  download(fileName(".wav"), writeWav(sound), "audio/wav");
  say("Ready.");
}

async function savePicture() {
  const { tempo, swing } = history.state;
  const text = `${title()}, ${tempo} bpm`;
  const picture = await drawPicture(swung(frames(), swing), { stepsPerBar, title: text });
  download(fileName(".png"), picture, "image/png");
}

async function share() {
  location.hash = toText(history.state);
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
  } catch {
    say("The link is in the address bar.");
  }
}

async function open(file) {
  try {
    if (file.size > MAX_BYTES) throw new Error("The file is larger than 16 MB.");
    const music = readMidi(new Uint8Array(await file.arrayBuffer()), {
      drumMaps: config.drum_maps,
      timeSignature: config.time_signature,
      stepsPerQuarter,
      stepsPerBar,
      drumMap: byId("drum-map").value,
    });
    showParts(music);
    take(music, 0);
    const bars = music.frames.length / (stepsPerBar * FEATURES);
    const unknown = music.unknown ? `, ${music.unknown} notes of no drum left out` : "";
    say(`${file.name}: ${bars} bars, read as ${music.drumMap}${unknown}.`);
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
}

/** Some bars of a file as the groove; what is shorter is repeated. */
function take(music, bar) {
  const start = bar * stepsPerBar * FEATURES;
  const part = music.frames.subarray(start, start + steps * FEATURES);
  const whole = new Float32Array(steps * FEATURES).map((_, i) => part[i % part.length]);
  const tempo = Math.min(Math.max(music.tempo, 30), 300);
  history.change({ ...withFrames(whole), tempo, swing: 0 });
}

/** Buttons for the parts of a file that is longer than the grid. */
function showParts(music) {
  const bars = music.frames.length / (stepsPerBar * FEATURES);
  const parts = [];
  for (let bar = 0; bars > numBars && bar < bars; bar += numBars) {
    const last = Math.min(bar + numBars, bars);
    const button = element("button", { textContent: `Bars ${bar + 1} to ${last}` });
    button.addEventListener("click", () => take(music, bar));
    parts.push(button);
  }
  byId("parts").replaceChildren(...parts);
}

for (const name of Object.keys(config.drum_maps)) {
  byId("drum-map").append(element("option", { value: name, textContent: name }));
}
byId("open").addEventListener("change", ({ target }) => {
  for (const file of target.files) open(file);
  target.value = "";
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) open(file);
});

// --- Controls -----------------------------------------------------------------

/** A number of the state and its control: one step of undo for each gesture. */
function bind(id) {
  const input = byId(id);
  let before = null;
  input.addEventListener("input", () => {
    if (!input.checkValidity() || Number.isNaN(input.valueAsNumber)) return;
    const changes = { [id]: input.valueAsNumber };
    if (before === null) history.change(changes);
    else history.adjust(changes);
    before = changes;
  });
  input.addEventListener("change", () => {
    before = null;
    showState();
  });
}
["tempo", "swing", "seed", "temperature", "similarity"].forEach(bind);

const conditionFields = new ConditionFields(byId("conditions"), config.conditions);
conditionFields.addEventListener("change", ({ detail }) => history.change({ wishes: detail }));

byId("slots").addEventListener("change", ({ target }) => history.change({ slot: Number(target.value) }));
const actions = {
  undo: () => history.undo(),
  redo: () => history.redo(),
  copy: () => history.change({ slots: [frames(), frames()] }),
  dice: () => history.change({ seed: (history.state.seed + 1) % 2 ** 32 }),
  theme: switchTheme,
  generate, vary, humanize, fill, clear, share,
  corners: fillCorners,
  "save-mid": saveMidi,
  "save-wav": saveWav,
  "save-png": savePicture,
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type='number'], select");
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z" && !typing) {
    event.preventDefault();
    if (event.shiftKey) history.redo();
    else history.undo();
  } else if (key === "p" && !typing && !event.ctrlKey && !event.metaKey) {
    togglePlaying();
  }
});

function switchTheme() {
  const { style } = document.documentElement;
  const dark = style.colorScheme
    ? style.colorScheme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  style.colorScheme = dark ? "light" : "dark";
}

// --- Show ---------------------------------------------------------------------

function showState() {
  const { state } = history;
  grid.show(frames(), state.locks);
  pad.show(state.corners);
  conditionFields.show(state.wishes);
  for (const id of ["tempo", "swing", "seed", "temperature", "similarity"]) {
    const input = byId(id);
    if (input !== document.activeElement || input.type === "range") input.value = state[id];
  }
  document.querySelector(`#slots input[value="${state.slot}"]`).checked = true;
  byId("undo").disabled = !history.canUndo;
  byId("redo").disabled = !history.canRedo;
  byId("command").textContent = pythonCall(state);
}

/** The call that gives the notes of `generate`. */
function pythonCall({ seed, temperature, tempo, wishes }) {
  const quoted = (value) =>
    typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
  const options = Object.entries({ seed, temperature, tempo, ...wishes });
  return `model.sample(${options.map(([name, value]) => `${name}=${quoted(value)}`).join(", ")})`;
}

let storing = null;
history.addEventListener("change", () => {
  showState();
  clearTimeout(storing);
  storing = setTimeout(() => remember(history.state), 300);
});
addEventListener("pagehide", () => remember(history.state));

showState();
await model.ready;
document.querySelectorAll("button.model").forEach((button) => (button.disabled = false));
if (!hitsOf(frames()).length && !found) {
  const [made] = await ask("Generating", "sample", playing(), {});
  history.adjust(withFrames(made));
}
say("Ready.");
await kit;
document.body.dataset.ready = "true";
