// Black and white of samples whose file does not say what they are: the same as
// pneumoscope/images/sample_range.py, which says why.

import { greyRange } from "./grey-range.js";
import { unreadable } from "./problems.js";

const DEPTHS = [8, 10, 12, 14];
const FEW = 64;
const LEAST = 127;
const WHOLE = 0.99;
const BINS = 65536;

/**
 * Samples as functions of [0, 1]: {grey: (i) => number, bits}.
 *
 * @param {ArrayLike<number>} stored
 * @param {{float?: boolean, most?: number}} kind  Whether they are floats, and the largest value of their type.
 */
export function scaled(stored, { float = false, most = 2 ** 31 - 1 } = {}) {
  const values = float ? finite(stored) : stored;
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  let bits = float ? 32 : 16;
  if (float && low >= 0 && high <= 1) return { grey: (i) => values[i], bits };
  if (float && low >= -1 && low < -0.9 && high <= 1 && isFilm(values)) return { grey: (i) => (values[i] + 1) / 2, bits };
  if (low >= 0 && high <= 65535) {
    if (!float) return byDepth(values, high, most);
    if (high > LEAST && isFilm(values)) return { ...byDepth(values, high, most), bits };
  } else if (!float) {
    bits = high <= 65535 ? 16 : 32;
    const moved = withoutOffsetOrFactor(values, low, high, most);
    if (moved) return { ...byDepth(moved, moved.reduce((a, b) => Math.max(a, b), 0), most), bits };
    if (low >= 0 && high > most / 2 && high < WHOLE * most && isFilm(values)) return { grey: (i) => values[i] / most, bits };
  }
  return { grey: used(values, low, high), bits };
}

function finite(stored) {
  const least = stored.reduce((low, value) => (Number.isFinite(value) && value < low ? value : low), Infinity);
  if (least === Infinity) throw unreadable("no finite pixel");
  return stored.map((value) => (Number.isFinite(value) ? value : least));
}

function isFilm(values) {
  const different = new Set();
  for (const value of values) {
    different.add(value);
    if (different.size >= FEW) return true;
  }
  return false;
}

/** By the smallest usual depth that holds the brightest pixel; int16 has 15 bits for it. */
function byDepth(values, high, most) {
  const bits = DEPTHS.find((depth) => high < 2 ** depth) ?? (most === 32767 ? 15 : 16);
  return { grey: (i) => values[i] / (2 ** bits - 1), bits };
}

/** The values before they were moved or multiplied; null if nothing tells of it. */
function withoutOffsetOrFactor(values, low, high, most) {
  if (low < 0) {
    const isOffset = [...DEPTHS, 16].some((bits) => -low === 2 ** (bits - 1)) && high < -low;
    return isOffset && isFilm(values) ? Float64Array.from(values, (value) => value - low) : null;
  }
  if (high >= WHOLE * most) return null;
  let factor = 0;
  for (const value of values) {
    let [a, b] = [factor, value];
    while (b) [a, b] = [b, a % b];
    factor = a;
    if (factor === 1) return null;
  }
  const isFactor = factor > 1 && high / factor > LEAST && high / factor <= 65535;
  return isFactor && isFilm(values) ? Float64Array.from(values, (value) => value / factor) : null;
}

/** The range that the film uses becomes [0, 1]. */
function used(values, low, high) {
  let [black, white] = [low, high];
  if (high > low) {
    const counts = new Float64Array(BINS);
    const scale = (BINS - 1) / (high - low);
    for (const value of values) counts[Math.trunc((value - low) * scale)] += 1;
    const [first, last] = greyRange(counts);
    if (first > 0) black = low + first / scale;
    if (last < BINS - 1) white = low + (last + 1) / scale;
  }
  const span = white - black || 1;
  return (i) => Math.min(1, Math.max(0, (values[i] - black) / span));
}
