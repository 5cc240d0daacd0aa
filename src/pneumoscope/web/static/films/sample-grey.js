// Grey levels of samples as a file stores them: the same as pneumoscope/images/sample_grey.py, and as Pillow for the
// layouts that Python leaves to it. Sections are those of TIFF 6.0.

import { rareCoding } from "./problems.js";
import { level } from "./resampling.js";
import { scaled } from "./sample-range.js";

export const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6]; // section 8
const COLOURS = { [RGB]: 3, [YCBCR]: 3, [CMYK]: 4 };
const ALPHA = 2; // of ExtraSamples, section 18
const [COLOUR_TOLERANCE, COLOUR_CAST] = [8, 3]; // see pneumoscope/images/raster_grey.py
const WHOLE = 0.99;
const LEAST = 127;
// ITU-R 601-2 luma in the fixed-point arithmetic of Pillow's mode L.
export const luma = (red, green, blue) => (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;

/**
 * Grey levels of samples: {levels, tint, bits}.
 *
 * @param {ArrayLike<number|bigint>} stored  Those of a pixel lie together.
 * @param {{photometric: number, bits: number[], format: number, samples: number, extra: number[], colourMap: number[]}} meaning
 */
export function greyOf(stored, meaning) {
  const { photometric, samples } = meaning;
  const colours = COLOURS[photometric] ?? 1;
  if (![WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR].includes(photometric) || samples < colours) {
    throw rareCoding(`TIFF of photometric interpretation ${photometric}`);
  }
  if (photometric === PALETTE) return ofPalette(stored, meaning);
  const opacity = opacityOf(stored, meaning, colours);
  if (colours > 1) return ofColours(stored, meaning, opacity);
  const { grey, bits } = ofGrey(numbers(samples === 1 ? stored : stored.filter((_, i) => i % samples === 0), meaning), meaning);
  const levels = new Uint8Array(stored.length / samples);
  for (let i = 0; i < levels.length; i += 1) levels[i] = level(opacity ? Math.fround(grey(i)) * opacity(i) : grey(i));
  return { levels, tint: 0, bits };
}

/** Levels of 8 bits as the photometric interpretation has them. */
export const inverted = (levels, photometric) => (photometric === WHITE_IS_ZERO ? levels.map((value) => 255 - value) : levels);

/** Alpha of a pixel in [0, 1]; null without alpha, or if it is the same everywhere: some writers leave it 0. */
function opacityOf(stored, { samples, bits, format, extra }, colours) {
  const alpha = extra.findIndex((kind, i) => kind === ALPHA && colours + i < samples) + colours;
  if (alpha < colours) return null;
  let same = true;
  for (let at = alpha; at < stored.length && same; at += samples) same = stored[at] === stored[alpha];
  if (same) return null;
  const most = format === 3 ? 1 : format === 2 ? 2 ** (bits[0] - 1) - 1 : 2 ** (8 * stored.BYTES_PER_ELEMENT) - 1;
  return (i) => Math.fround(Math.min(1, Math.max(0, Number(stored[i * samples + alpha]) / most)));
}

/** Integers of 64 bits as numbers; without a common factor where they would be rounded. */
function numbers(grey, { bits, format }) {
  if (bits[0] < 64 || format === 3) return grey;
  const most = grey.reduce((a, b) => (b > a ? b : a));
  if (most > BigInt(Number.MAX_SAFE_INTEGER)) {
    let factor = 0n;
    for (const value of grey) {
      let [a, b] = [factor, value < 0n ? -value : value];
      while (b) [a, b] = [b, a % b];
      factor = a;
      if (factor === 1n) break;
    }
    const isFactor = factor > 1n && most / factor > LEAST && most / factor <= 65535n && Number(most) < WHOLE * largest(bits[0], format);
    if (isFactor && grey.every((value) => value >= 0n)) return Float64Array.from(grey, (value) => Number(value / factor));
  }
  return Float64Array.from(grey, Number);
}

const largest = (bits, format) => 2 ** (format === 2 ? bits - 1 : bits) - 1;

/** Grey in [0, 1] by the index of a pixel, and the bits that a sample uses. */
function ofGrey(stored, { bits: [bits], format, photometric }) {
  let inverse = photometric === WHITE_IS_ZERO;
  const turned = (grey) => (inverse ? (i) => 1 - grey(i) : grey);
  if (format === 1 && bits < 16) return { grey: turned((i) => stored[i] / (2 ** bits - 1)), bits };
  const most = largest(bits, format);
  let values = stored;
  if (inverse && format === 1 && bits >= 32 && values.some((value) => value >= WHOLE * most)) {
    // Black is the largest value, so white is 0.
    [values, inverse] = [Float64Array.from(values, (value) => most - value), false];
  }
  const range = scaled(values, { float: format === 3, most });
  return { grey: turned(range.grey), bits: format === 3 ? bits : range.bits };
}

/** Deep colours are cut to the highest 8 bits that the film uses. */
function ofColours(stored, meaning, opacity) {
  const { samples, photometric, format } = meaning;
  const [bits] = meaning.bits;
  if (format !== 1 || bits < 8 || bits > 16) throw rareCoding(`TIFF in colour with ${bits} bits per sample`);
  const count = stored.length / samples;
  const shift = (bits < 16 || photometric === CMYK ? bits : usedBits(stored, samples)) - 8;
  const part = (i, k) => stored[i * samples + k] >> shift;
  const levels = new Uint8Array(count);
  const tints = new Tints();
  let chroma = 0;
  for (let i = 0; i < count; i += 1) {
    const parts = [part(i, 0), part(i, 1), part(i, 2)];
    const colour = photometric === CMYK ? ofInk(parts, 255 - part(i, 3)) : photometric === YCBCR ? ofChroma(parts) : parts;
    const grey = photometric === YCBCR ? parts[0] : luma(...colour);
    levels[i] = opacity ? level((grey / 255) * opacity(i)) : grey;
    tints.add(...colour);
    if (photometric === YCBCR) chroma = Math.max(chroma, Math.abs(parts[1] - 128), Math.abs(parts[2] - 128));
  }
  return { levels, tint: tints.tint(count, photometric === YCBCR ? chroma : undefined), bits: 8 };
}

/** Bits that the brightest colour needs, at least 8. */
function usedBits(stored, samples) {
  let most = 0;
  for (let i = 0; i < stored.length; i += 1) if (i % samples < 3 && stored[i] > most) most = stored[i];
  return Math.max(8, 32 - Math.clz32(most));
}

/** Pillow's CMYK: what the black leaves, less its share of the ink. */
const ofInk = (inks, light) => inks.map((ink) => Math.max(0, light - Math.round((ink * light) / 255)));

/** JFIF's YCbCr, rounded down as in Pillow. */
function ofChroma([grey, cb, cr]) {
  const [blue, red] = [cb - 128, cr - 128];
  return [grey + 1.402 * red, grey - 0.344136 * blue - 0.714136 * red, grey + 1.772 * blue].map((value) => Math.min(255, Math.max(0, Math.floor(value))));
}

/**
 * The tint, see `FilmFacts` in Python; 0 if it is but the noise of JPEG. Levels by which channels differ at most, or chroma from
 * its centre, and by which red or blue differs from green on average.
 */
export const tintOf = (most, mean) => (most > COLOUR_TOLERANCE || mean > COLOUR_CAST ? mean / 255 : 0);

/** How far red and blue stray from green. */
class Tints {
  #red = 0;
  #blue = 0;
  #most = 0;

  add(red, green, blue) {
    const [r, b] = [Math.abs(red - green), Math.abs(blue - green)];
    this.#red += r;
    this.#blue += b;
    this.#most = Math.max(this.#most, r, b);
  }

  tint(count, most = this.#most) {
    return tintOf(most, Math.max(this.#red, this.#blue) / count);
  }
}

/** Indices into a palette of 16 bits, or of 8 bits in 16, against section 5 but common. */
function ofPalette(stored, { samples, format, colourMap }) {
  const size = Math.floor(colourMap.length / 3);
  const shift = colourMap.every((entry) => entry < 256) ? 0 : 8;
  const colour = (index) => [0, 1, 2].map((k) => colourMap[k * size + index] >> shift);
  const colours = Array.from({ length: size }, (_, index) => colour(index));
  const levels = new Uint8Array(stored.length / samples);
  const tints = new Tints();
  for (let i = 0; i < levels.length; i += 1) {
    const entry = format === 1 ? colours[stored[i * samples]] : undefined;
    if (!entry) throw rareCoding("TIFF with a palette that is incomplete");
    levels[i] = luma(...entry);
    tints.add(...entry);
  }
  return { levels, tint: tints.tint(levels.length), bits: 8 };
}
