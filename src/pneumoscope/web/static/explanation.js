// Does a heatmap explain its verdict? The mode "fast" of pneumoscope/decision/explain.py.

import { body, lungGrid, resized } from "./lung-regions.js";
import { fixed } from "./numbers.js";
import { filled } from "./sentences.js";

/**
 * Scores the heatmap of one film.
 *
 * @param {{film: Uint8Array, size: number, heatmap: object, lungs: object|null}} subject  Maps as `Cells`.
 * @param {Object<string, number>|null} limits  Mode to the lowest score at which a heatmap is shown.
 * @param {object} sentences  Those of a language.
 */
export function explained(subject, limits, sentences) {
  const checks = quickChecks(subject);
  const score = Math.sqrt(checks.inside * checks.focus);
  const limit = limits?.fast ?? null;
  const blank = !subject.heatmap.data.some((value) => value > 0);
  const reliable = !blank && (limit === null || score >= limit);
  return { mode: "fast", reliable, score, limit, checks, sentence: sentenceOf(subject, checks, { blank, limit, reliable }, sentences) };
}

function quickChecks(subject) {
  const cells = Array.from(subject.heatmap.data).sort((a, b) => b - a);
  const total = cells.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return { inside: 0, focus: 0 };
  let [sum, half] = [0, 0];
  while (half < cells.length && sum < total / 2) sum += cells[half++];
  return { inside: inside(subject), focus: Math.max(0, 1 - (2 * half) / cells.length) };
}

/** Share of the heat on the lungs, or inside the body if they are not known. */
function inside({ film, size, heatmap, lungs }) {
  const within = lungs ? lungGrid(lungs) : body(film, size);
  const heat = resized(heatmap, within.rows, within.columns).data;
  let [part, whole] = [0, 0];
  heat.forEach((value, i) => {
    whole += value;
    if (within.data[i]) part += value;
  });
  return part / whole;
}

function sentenceOf({ lungs }, checks, { blank, limit, reliable }, sentences) {
  const say = (name, values = {}) => filled(sentences.explanation[name], values, sentences);
  if (blank) return say("blank");
  const inside = say(lungs ? "inside_lungs" : "inside_body", { share: `${fixed(100 * checks.inside, 0)} %` });
  const basis = say("untested", { inside });
  if (reliable) return limit === null ? say("unset", { basis }) : basis;
  const why = say(checks.focus < checks.inside ? "why_focus" : lungs ? "why_inside_lungs" : "why_inside_body");
  return say("unreliable", { why, basis });
}
