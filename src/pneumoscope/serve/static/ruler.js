// Distances on a film: a scale bar, and the line that a reader draws.

import { fixed } from "./locale.js";
import { t } from "./texts.js";

const LENGTHS_MM = [200, 100, 50, 20, 10, 5];
const LONGEST_PX = 110;
const COLOUR = "#7dd3fc"; // as the outline of the lungs

/** Fills a scale bar; hides it where the film's file does not say how large its pixels are. */
export function scaleBar(element, perMillimetre) {
  const lengthMm = perMillimetre && LENGTHS_MM.find((length) => length * perMillimetre.x <= LONGEST_PX);
  element.hidden = !lengthMm;
  if (!lengthMm) return;
  element.style.setProperty("width", `${lengthMm * perMillimetre.x}px`);
  element.textContent = t("viewer.mm", { length: lengthMm });
}

/** The distance between the ends of a measured line, in millimetres or else in pixels of the film. */
export function distanceText({ from, to }, { columns, rows, pixel_spacing_mm: spacing }) {
  const [down, right] = spacing ?? [1, 1];
  const length = Math.hypot((to[0] - from[0]) * columns * right, (to[1] - from[1]) * rows * down);
  return t(spacing ? "viewer.mm" : "viewer.px", { length: fixed(length, spacing ? 1 : 0) });
}

/** Draws the measured line with its length; `box` is the film's place on the canvas in its own pixels. */
export function drawMeasure(context, { view, box: [left, top, width, height], ratio, facts }) {
  if (!view.measure?.from || !view.measure.to || !facts) return;
  const place = ([x, y]) => [left + x * width, top + y * height];
  const [from, to] = [place(view.measure.from), place(view.measure.to)];
  context.save();
  context.strokeStyle = COLOUR;
  context.lineWidth = 1.5 * ratio;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
  context.font = `${13 * ratio}px sans-serif`;
  const text = distanceText(view.measure, facts);
  const [x, y] = [to[0] + 8 * ratio, to[1] - 8 * ratio];
  context.fillStyle = "rgb(8 11 14 / 75%)";
  context.fillRect(x - 4 * ratio, y - 14 * ratio, context.measureText(text).width + 8 * ratio, 19 * ratio);
  context.fillStyle = COLOUR;
  context.fillText(text, x, y);
  context.restore();
}
