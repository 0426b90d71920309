// A groove as a picture.

import { DRUMS, FEATURES, hitsOf } from "../music/groove.js";
import { NAMES } from "./grid.js";

/** Draws a groove small, without any text. */
export function drawThumbnail(canvas, frames, colour) {
  const steps = frames.length / FEATURES;
  [canvas.width, canvas.height] = [steps * 5, DRUMS * 10];
  drawHits(canvas.getContext("2d"), frames, { left: 2.5, top: 0, step: 5, row: 10, colour });
}

/**
 * A groove as a PNG file.
 * @returns {Promise<Blob>}
 */
export function drawPicture(frames, { stepsPerBar, title }) {
  const steps = frames.length / FEATURES;
  const [left, top, step, row] = [110, 46, 24, 34];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [left + steps * step + 20, top + DRUMS * row + 16];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.font = "15px system-ui, sans-serif";
  pen.fillStyle = "#1f2428";
  pen.fillText(title, left, 26);
  for (let i = 0; i <= steps; i++) {
    const x = left + i * step;
    pen.fillStyle = i % stepsPerBar === 0 ? "#555555" : i % 4 === 0 ? "#bbbbbb" : "#ececec";
    pen.fillRect(x, top, i % stepsPerBar === 0 ? 2 : 1, DRUMS * row);
  }
  pen.fillStyle = "#1f2428";
  NAMES.forEach((name, drum) => pen.fillText(name, 10, top + (DRUMS - drum - 0.5) * row + 5));
  drawHits(pen, frames, { left, top, step, row, colour: "#b65a00" });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function drawHits(pen, frames, { left, top, step, row, colour }) {
  pen.fillStyle = colour;
  for (const hit of hitsOf(frames)) {
    pen.globalAlpha = 0.35 + 0.65 * hit.velocity;
    pen.beginPath();
    const x = left + (hit.step - hit.offset) * step;
    const y = top + (DRUMS - hit.drum - 0.5) * row;
    pen.arc(x, y, row * (0.12 + 0.24 * hit.velocity), 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
}
