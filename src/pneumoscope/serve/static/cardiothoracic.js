// The cardiothoracic ratio, by four points that the reader marks: after Danzer (Am J Med Sci 1919; 157: 513-521),
// the largest transverse diameter of the heart over the largest inner diameter of the thorax. Both are measured
// along the rows of the film, so the heights of the points do not count.

import { fixed } from "./locale.js";
import { t } from "./texts.js";

export const POINTS = ["heartRight", "heartLeft", "chestRight", "chestLeft"];
const COLOUR = "#f0abfc"; // neither that of the ruler nor of heat

/** Adds a point; after the last one, a new measurement begins. */
export function withPoint(points, point) {
  return points && points.length < POINTS.length ? [...points, point] : [point];
}

/** Heart over chest, or null as long as points are missing or the chest has no width. */
export function ratioOf(points) {
  if (points?.length !== POINTS.length) return null;
  const [heart, chest] = [Math.abs(points[1][0] - points[0][0]), Math.abs(points[3][0] - points[2][0])];
  return chest > 0 ? heart / chest : null;
}

/** What the reader has to mark next, or the result, as the reader's own; `facts` are those of the film's file. */
export function sentenceOf(points, facts) {
  const ratio = ratioOf(points);
  if (ratio === null) {
    const count = (points?.length ?? 0) % POINTS.length;
    return t("ratio.next", { point: t(`ratio.${POINTS[count]}`), number: count + 1 });
  }
  if (ratio > 1) return t("ratio.impossible", { ratio: fixed(ratio, 2) });
  return t(facts?.view_position === "PA" ? "ratio.result" : "ratio.resultOther", { ratio: fixed(ratio, 2) });
}

/** Draws the points and both diameters; `box` is the film's place on the canvas in its own pixels. */
export function drawRatio(context, { points, box: [left, top, width, height], ratio }) {
  if (!points?.length) return;
  const places = points.map(([x, y]) => [left + x * width, top + y * height]);
  context.save();
  context.strokeStyle = COLOUR;
  context.fillStyle = COLOUR;
  context.lineWidth = 1.5 * ratio;
  for (const [x, y] of places) {
    context.beginPath();
    context.arc(x, y, 4 * ratio, 0, 2 * Math.PI);
    context.stroke();
  }
  for (const first of [0, 2]) {
    const [from, to] = [places[first], places[first + 1]];
    if (!to) continue;
    // Along the rows: the second point counts by its column only.
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0], from[1]);
    context.stroke();
    context.setLineDash([3 * ratio, 3 * ratio]);
    context.beginPath();
    context.moveTo(to[0], from[1]);
    context.lineTo(...to);
    context.stroke();
    context.setLineDash([]);
  }
  context.restore();
}
