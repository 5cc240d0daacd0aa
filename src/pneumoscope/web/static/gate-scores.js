// What the gate measures on a film: the same as `grey_statistics` and `Heads.scores` of
// pneumoscope/decision/gate.py, and as pneumoscope/decision/lung_scores.py.

const NOTHING = 1e-6;

import { logistic } from "./decision.js";

/** Figures of a film's quality from its grey levels; `film` is size x size. */
export function greyStatistics(film, size) {
  const counts = new Float64Array(256);
  for (const value of film) counts[value] += 1;
  let below = 0;
  let [low, high] = [null, null];
  for (let value = 0; value < 256; value += 1) {
    below += counts[value] / film.length;
    if (low === null && below >= 0.01) low = value;
    if (high === null && below >= 0.99) high = value;
  }
  const border = Math.floor(size / 8);
  let [ends, inner, fine, coarse] = [0, 0, 0, 0];
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = row * size + column;
      if (row >= border && row < size - border && column >= border && column < size - border) {
        inner += 1;
        if (film[at] <= 2 || film[at] >= 253) ends += 1;
      }
      if (column >= 1) coarse += Math.abs(film[at] - film[at - 1]);
      if (column >= 2) fine += Math.abs(film[at] - 2 * film[at - 1] + film[at - 2]);
    }
  }
  return {
    flatness: 1 - (high - low) / 255,
    saturation: ends / inner,
    blur: 1 - fine / (size * (size - 2)) / Math.max((2 * coarse) / (size * (size - 1)), 1e-3),
  };
}

/**
 * The heads' scores.
 *
 * @param {{kinds: string[], weights: number[][], bias: number[], mirror: number[], others: number[]|null}} heads
 * @param {Float32Array} features
 */
export function headScores(heads, features) {
  const logits = heads.bias.map((bias, kind) => features.reduce((sum, value, i) => sum + value * heads.weights[i][kind], bias));
  const highest = Math.max(...logits);
  const shares = logits.map((value) => Math.exp(value - highest));
  const whole = shares.reduce((sum, value) => sum + value, 0);
  const scores = Object.fromEntries(heads.kinds.map((kind, i) => [kind, shares[i] / whole]));
  scores.unsuitable = 1 - scores.frontal;
  delete scores.frontal;
  scores.distance = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0) / features.length);
  scores.mirrored = probability(features, heads.mirror);
  if (heads.others) scores["other-population"] = probability(features, heads.others);
  return scores;
}

/** Whether a lung field looks like two lungs: {data, rows, columns}, each cell in [0, 1]. */
export function lungScores({ data, rows, columns }) {
  const along = new Float64Array(columns);
  let [total, doubt] = [0, 0];
  data.forEach((p, i) => {
    along[i % columns] += p;
    total += p;
    doubt += 4 * p * p * (1 - p);
  });
  let [best, left, highest] = [0, 0, 0];
  for (let cut = 1; cut < columns - 1; cut += 1) {
    left += along[cut - 1];
    highest = Math.max(highest, along[cut - 1]);
    const lower = Math.min(highest, Math.max(...along.slice(cut + 1)));
    const share = (2 * Math.min(left, total - left - along[cut])) / Math.max(total, NOTHING);
    best = Math.max(best, Math.min(1 - along[cut] / Math.max(lower, NOTHING), share));
  }
  return { "one-lung": 1 - best, "lung-doubt": total > NOTHING ? doubt / total : 1 };
}

function probability(features, coefficients) {
  return logistic(features.reduce((total, value, i) => total + value * coefficients[i], coefficients.at(-1)));
}
