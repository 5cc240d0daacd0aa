// Black and white of samples whose file does not say what they are: the same as
// pneumoscope/images/sample_range.py, which says why.

import { greyRange } from "./grey-range.js";
import { unreadable } from "./problems.js";

const FILLED = 0.75;
const UNSIGNED_OFFSET = 2 ** 15;
const FEW = 64;
const LEAST = 127;
const OVERSHOOT = 0.1;
const WHOLE = 0.99;
const BINS = 65536;
const MOST_64 = 2 ** 63;

/**
 * Samples as functions of [0, 1]: {grey: (i) => number, bits}.
 *
 * @param {ArrayLike<number>} stored
 * @param {{float?: boolean, most?: number}} kind  Whether they are floats, and the largest value of their type.
 */
export function scaled(stored, { float = false, most = 2 ** 31 - 1 } = {}) {
  if (float) return { ...ofFloats(withoutNoData(finite(stored))), bits: 32 };
  const values = withoutNoData(stored);
  const [low, high] = ends(values);
  if (low >= 0 && high <= 65535) return byDepth(withoutUnsignedOffset(values, low, high));
  const bits = high <= 65535 ? 16 : 32;
  const moved = withoutOffsetOrFactor(values, low, high, most);
  if (moved) return { ...byDepth(moved), bits };
  if (low >= 0 && high > most / 2 && high < WHOLE * most && isFilm(values)) return { grey: (i) => values[i] / most, bits };
  return { grey: used(values, low, high), bits };
}

function ofFloats(values) {
  const [low, high] = ends(values);
  if (low >= 0 && high <= 1) return { grey: (i) => values[i] };
  if (!isFilm(values)) return { grey: used(values, low, high) };
  for (const half of [1, 0.5]) {
    if (low >= -half && low < -0.9 * half && high <= half) return { grey: (i) => (values[i] + half) / (2 * half) };
  }
  if (Math.max(-low, high) > LEAST && values.every(Number.isInteger)) return scaled(values, { most: MOST_64 });
  for (const white of [1, 255]) {
    if (low >= -OVERSHOOT * white && high > white / 2 && high <= (1 + OVERSHOOT) * white) return { grey: (i) => cut(values[i] / white) };
  }
  return low >= 0 && high > LEAST && high <= 65535 ? byDepth(values) : { grey: used(values, low, high) };
}

const cut = (value) => Math.min(1, Math.max(0, value));

function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function finite(stored) {
  const least = stored.reduce((low, value) => (Number.isFinite(value) && value < low ? value : low), Infinity);
  if (least === Infinity) throw unreadable("no finite pixel");
  return stored.map((value) => (Number.isFinite(value) ? value : least));
}

/** A negative value that stands for "nothing here" becomes 0, or the least of the others. */
function withoutNoData(values) {
  const [low] = ends(values);
  if (low >= 0) return values;
  const others = values.filter((value) => value > low);
  if (!isFilm(others)) return values;
  const [least, most] = ends(others);
  if (least - low <= most - least) return values;
  return values.map((value) => (value === low ? Math.min(least, 0) : value));
}

function isFilm(values) {
  const different = new Set();
  for (const value of values) {
    different.add(value);
    if (different.size >= FEW) return true;
  }
  return false;
}

/** By the smallest depth that holds the brightest pixel. */
function byDepth(values) {
  const [, high] = ends(values);
  let bits = 8;
  while (bits < 16 && (high >= 2 ** bits || (bits % 2 && high < FILLED * 2 ** bits))) bits += 1;
  return { grey: (i) => values[i] / (2 ** bits - 1), bits };
}

function withoutUnsignedOffset(values, low, high) {
  const isOffset = low >= UNSIGNED_OFFSET && high < UNSIGNED_OFFSET + 2 ** 14 && isFilm(values);
  return isOffset ? values.map((value) => value - UNSIGNED_OFFSET) : values;
}

/** The values before they were moved or multiplied; null if nothing tells of it. */
function withoutOffsetOrFactor(values, low, high, most) {
  if (low < 0) {
    const power = Math.log2(-low);
    const isOffset = Number.isInteger(power) && power >= 7 && power <= 15 && high - low <= 65535;
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
  const isFactor = factor > 1 && Math.floor(high / factor) > LEAST && Math.floor(high / factor) <= 65535;
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
