// From stored DICOM values to grey, PS3.4 N.2: the same as pneumoscope/images/dicom_display.py and greyscale.py.

import { TAGS } from "./dicom-header.js";
import { greyRange } from "./grey-range.js";
import { paletteOf, tablesOf } from "./lookup-tables.js";
import { FilmError } from "./problems.js";
import { level } from "./resampling.js";
import { tintOf } from "./sample-grey.js";

const TABLE_MOST = 2 ** 17; // values of a table; beyond it the range is sought in steps
const STEPS = 2 ** 16;
const LUMA = [0.299, 0.587, 0.114].map(Math.fround); // ITU-R BT.601

/**
 * Grey levels of a film and its tint: {levels: Uint8Array, tint}.
 *
 * @param {ArrayLike<number>} values  rows x columns x samples
 * @param {import("./dicom-header.js").Header} head
 */
export function shown(values, head) {
  if (head.photometric === "PALETTE COLOR") {
    const { first, colours } = paletteOf(head, ends(values));
    return ofColours(values.length, (i) => colours[Math.min(colours.length - 1, Math.max(0, values[i] - first))]);
  }
  if (head.samples === 1) return { levels: ofGrey(values, head), tint: 0 };
  const scale = Math.fround(2 ** head.storedBits - 1);
  const share = (at) => Math.fround(values[at] / scale);
  return ofColours(values.length / 3, (i) => [share(3 * i), share(3 * i + 1), share(3 * i + 2)]);
}

function ofColours(count, colourOf) {
  const levels = new Uint8Array(count);
  let [red, blue, most] = [0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    const colour = colourOf(i);
    const [r, b] = [Math.abs(colour[0] - colour[1]), Math.abs(colour[2] - colour[1])];
    red += r;
    blue += b;
    most = Math.max(most, r, b);
    levels[i] = level(colour[0] * LUMA[0] + colour[1] * LUMA[1] + colour[2] * LUMA[2]);
  }
  return { levels, tint: tintOf(255 * most, (255 * Math.max(red, blue)) / count) };
}

function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

function ofGrey(values, head) {
  const [low, high] = ends(values);
  const transform = greyscaleTransform(head, low, high);
  const isPadding = transform.padding ? (value) => value >= transform.padding[0] && value <= transform.padding[1] : () => false;
  const needsRange = transform.voi === null && transform.window === null && transform.bits > 8;
  const wide = high - low >= TABLE_MOST;
  const image = wide ? values.filter((value) => !isPadding(value)) : values;
  if (!image.length) throw new FilmError("OnlyPadding");
  const [least, most] = wide ? ends(image) : [low, high];
  const counts = countsOf(image, least, most, wide, isPadding);
  const used = needsRange ? (wide ? usedOfBins(image, counts, least, most) : usedOf(counts, low)) : null;
  const shade = shadeOf(transform, used);
  if (wide) return Uint8Array.from(values, (value) => (isPadding(value) ? 0 : level(shade(value))));
  const table = Uint8Array.from({ length: high - low + 1 }, (_, i) => (isPadding(low + i) ? 0 : level(shade(low + i))));
  const levels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) levels[i] = table[values[i] - low];
  return levels;
}

/** How often each value occurs that is no padding, or each of many steps. */
function countsOf(values, low, high, wide, isPadding) {
  const counts = new Float64Array(wide ? STEPS : high - low + 1);
  let some = false;
  for (let i = 0; i < values.length; i += 1) {
    if (isPadding(values[i])) continue;
    some = true;
    counts[wide ? Math.min(STEPS - 1, Math.floor(((values[i] - low) / (high - low)) * STEPS)) : values[i] - low] += 1;
  }
  if (!some) throw new FilmError("OnlyPadding");
  return counts;
}

/** The values between which the film lies, those that occur. */
function usedOf(counts, low) {
  const [first, last] = greyRange(counts);
  const used = [];
  for (let i = first; i <= last; i += 1) if (counts[i]) used.push(low + i);
  return used;
}

function usedOfBins(image, counts, low, high) {
  const [first, last] = greyRange(counts);
  const step = (high - low) / STEPS;
  const [least, most] = [low + first * step, low + (last + 1) * step];
  return ends(image.filter((value) => value >= least && value <= most));
}

/** What turns stored values into grey, in the order of PS3.4 N.2. */
function greyscaleTransform(head, low, high) {
  const tables = tablesOf(head, [low, high]);
  const stated = (head.text(TAGS.windowFunction) ?? "LINEAR").toUpperCase();
  const hasSmallSteps = Math.abs(head.number(TAGS.slope, 1)) < 1;
  const widths = head.numbers(TAGS.width);
  const windows = head.numbers(TAGS.center).slice(0, widths.length).map((center, i) => windowOf(center, widths[i], stated, hasSmallSteps));
  // The header may understate Bits Stored.
  const bits = high >= 2 ** head.storedBits ? Math.floor(Math.log2(high)) + 1 : head.storedBits;
  return {
    ...tables,
    bits,
    signed: head.isSigned,
    window: tables.voi === null ? (windows.find(Boolean) ?? null) : null, // the first of several that is one
    // Both say the same thing, so they do not cancel.
    inverse: head.photometric === "MONOCHROME1" || (head.text(TAGS.shape) ?? "").toUpperCase() === "INVERSE",
    padding: head.padding,
  };
}

const unit = (value) => Math.min(1, Math.max(0, value));

/** A window as a function to [0, 1], by the formulae of PS3.3 C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1; null if it is too narrow. */
function windowOf(center, width, stated, hasSmallSteps) {
  // LINEAR counts in steps of 1: of values in [0, 1] it would leave black and white.
  const name = stated === "LINEAR" && hasSmallSteps && width <= 1 ? "LINEAR_EXACT" : stated;
  if (["LINEAR_EXACT", "SIGMOID"].includes(name) ? width <= 0 : width < 1) return null;
  if (name === "SIGMOID") return (value) => 1 / (1 + Math.exp(Math.min(700, Math.max(-700, (-4 * (value - center)) / width))));
  if (name === "LINEAR_EXACT") return (value) => unit((value - center) / width + 0.5);
  if (width === 1) return (value) => (value > center - 0.5 ? 1 : 0);
  return (value) => unit((value - (center - 0.5)) / (width - 1) + 0.5);
}

/** Grey of a value; `used` are the values that span the range of a film without a window. */
function shadeOf(transform, used) {
  const { modality, slope, intercept, voi, window, inverse } = transform;
  const real = modality ? (value) => modality.of(value) : (value) => value * slope + intercept;
  let shade;
  if (voi) {
    shade = (value) => unit(voi.of(real(value)) / (2 ** voi.bits - 1));
  } else if (window) {
    shade = (value) => window(real(value));
  } else {
    const [low, high] = ends(used ? used.map(real) : screenEnds(transform));
    shade = (value) => unit((real(value) - low) / (high - low || 1));
  }
  return inverse ? (value) => 1 - shade(value) : shade;
}

/** Black and white of a film of 8 bits and less: it is made for the screen and keeps its range. */
function screenEnds({ modality, bits, signed, slope, intercept }) {
  if (modality) return [0, 2 ** modality.bits - 1];
  const least = signed ? -(2 ** (bits - 1)) : 0;
  return [least, least + 2 ** bits - 1].map((value) => value * slope + intercept);
}
