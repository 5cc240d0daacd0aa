// Which bits of a stored word belong to the film (PS3.5 8.1.1), their order and their sign: the same as
// pneumoscope/images/stored_bits.py.

import { TAGS } from "./dicom-header.js";

const USUAL_MOVE = 1024;
const FEW = 32;
const ROW_STEP = 8;
const ROWS = 64;
const NOISE = 4;

/**
 * The film's values in decoded words.
 *
 * @param {{words: ArrayLike<number>, rows: number, columns: number, samples: number}} decoded  Words are
 *   unsigned, or those of a decoder that knows a sign.
 * @param {number} width  Bits of a word that carry anything.
 * @param {import("./dicom-header.js").Header} head
 * @returns {ArrayLike<number>}
 */
export function filmValues(decoded, width, head) {
  const bits = Math.min(head.storedBits, width);
  let unsigned = mapped(decoded.words, width, (word) => (word < 0 ? word + 2 ** width : word));
  if (width === 16 && bits > 8 && isSwapped(unsigned, decoded, bits)) unsigned = mapped(unsigned, width, swapped);
  // The codestream of JPEG 2000 states a sign.
  const isStated = decoded.words instanceof Int8Array || decoded.words instanceof Int16Array || decoded.words instanceof Int32Array;
  const isGrey = decoded.samples === 1; // colour has no sign, though some headers say so
  const isWrong = isGrey && isSignWrong(unsigned, decoded, { bits, width, isSigned: head.isSigned, isStated });
  const signed = isGrey && head.isSigned !== isWrong;
  const whole = signed ? mapped(unsigned, width, (word) => withSign(word, width)) : unsigned;
  if (signed && isWrong && isMoved(whole, bits, 2 ** (bits - 1), head, isStated)) return mapped(whole, width, (word) => word + 2 ** (bits - 1));
  const moved = isGrey && !signed && bits < width && isStated ? withoutMove(unsigned, decoded, bits, width, head) : null;
  if (moved) return moved;
  if (bits === width) return whole;
  const [least, greatest] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  if (whole.every((value) => value >= least && value <= greatest)) return whole;
  const high = head.short(TAGS.highBit);
  const shift = high !== null && bits <= high && high < width ? high + 1 - bits : 0;
  const cut = (word) => Math.floor(word / 2 ** shift) % 2 ** bits;
  const masked = mapped(unsigned, width, signed ? (word) => withSign(cut(word), bits) : cut);
  // The header may understate Bits Stored: a film that is cut jumps from its greatest value to 0.
  if (!shift && roughness(whole, decoded) < roughness(masked, decoded)) return whole;
  const { padding } = head;
  if (padding && (padding[1] < least || padding[0] > greatest)) {
    for (let i = 0; i < whole.length; i += 1) if (whole[i] >= padding[0] && whole[i] <= padding[1]) masked[i] = whole[i];
  }
  return masked;
}

const swapped = (word) => (word % 256) * 256 + (word >> 8);

/** Whether the bytes of each word are in the wrong order: then the film is noise, and in the other order it is none. */
function isSwapped(unsigned, { rows, columns, samples }, bits) {
  const along = columns * samples;
  const looked = [];
  for (let row = 0; row < rows; row += Math.max(ROW_STEP, Math.floor(rows / ROWS))) looked.push(unsigned.subarray(row * along, (row + 1) * along));
  const isSound = (line) => line.every((word) => word < 2 ** bits);
  if (bits < 16 && (looked.every(isSound) || repeatsSign(looked.flatMap((line) => [...line]), bits, 16))) return false;
  return roughnessOf(looked, samples, (word) => word) > NOISE * roughnessOf(looked, samples, swapped);
}

/** Sum of the steps along rows, in shares of the range. */
function roughnessOf(lines, samples, change) {
  let [sum, least, most] = [0, Infinity, -Infinity];
  for (const line of lines) {
    const values = line.map(change);
    values.forEach((value, i) => {
      if (i >= samples) sum += Math.abs(value - values[i - samples]);
      least = Math.min(least, value);
      most = Math.max(most, value);
    });
  }
  return sum / (most - least || 1);
}

/**
 * Whether the film jumps only if its words are read with the header's sign. Only where all bits are the film's, or where
 * those above repeat a sign that the header denies.
 */
function isSignWrong(unsigned, { rows, columns, samples }, { bits, width, isSigned, isStated }) {
  if (bits < width && (isSigned || !repeatsSign(unsigned, bits, width))) return false;
  if (bits <= 8 && !isStated) return false;
  const along = columns * samples;
  const half = 2 ** (width - 1);
  const [above, below] = [new Set(), new Set()];
  let [jumpsWithSign, without] = [0, 0];
  for (let row = 0; row < rows; row += ROW_STEP) {
    for (let i = 0; i < along; i += 1) {
      const word = unsigned[row * along + i];
      (word >= half ? above : below).add(word);
      if (i < samples) continue;
      const before = unsigned[row * along + i - samples];
      without += Math.abs(word - before);
      jumpsWithSign += Math.abs(withSign(word, width) - withSign(before, width));
    }
  }
  if (Math.min(above.size, below.size) < FEW) return false;
  const [stated, other] = isSigned ? [jumpsWithSign, without] : [without, jumpsWithSign];
  return (isStated ? 1 : 2) * other < stated;
}

/** Whether all bits above the film's are those of a negative number, in some words and not in others. */
function repeatsSign(unsigned, bits, width) {
  const half = 2 ** (bits - 1);
  const values = (word) => withSign(word, width);
  return unsigned.every((word) => values(word) >= -half && values(word) < half) && unsigned.some((word) => values(word) < 0) && unsigned.some((word) => values(word) >= 0);
}

/**
 * The values of a film without a sign that its JPEG 2000 encoder moved down by less than half of its range; null if the
 * film does not need a sign.
 */
function withoutMove(unsigned, decoded, bits, width, head) {
  const values = mapped(unsigned, width, (word) => withSign(word, width));
  const white = 2 ** bits - 1;
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
  if (least >= 0 || greatest - least > white || Math.max(-least - 1, greatest) <= white >> 1) return null;
  if (roughness(values, decoded) >= roughness(mapped(unsigned, width, (word) => word % (white + 1)), decoded)) return null;
  const move = -least <= USUAL_MOVE && USUAL_MOVE <= white - greatest ? USUAL_MOVE : -least;
  return isMoved(values, bits, move, head, true) ? mapped(values, width, (word) => word + move) : values;
}

/** Whether a film without a sign was moved down, as its JPEG 2000 encoder saw a signed one. */
function isMoved(values, bits, move, head, isStated) {
  if (bits <= 8) return true;
  const [center, width] = [head.number(TAGS.center, 0), head.number(TAGS.width, 0)];
  if (!isStated || width <= 0) return false;
  const slope = head.number(TAGS.slope, 1) || 1;
  const start = head.number(TAGS.intercept, 0) - center;
  let [asStored, moved] = [0, 0];
  for (const value of values) {
    const distance = value * slope + start;
    if (Math.abs(distance) <= width / 2) asStored += 1;
    if (Math.abs(distance + slope * move) <= width / 2) moved += 1;
  }
  return moved > asStored;
}

/** New words of so many bits. */
function mapped(words, width, change) {
  const result = width <= 16 ? new Int32Array(words.length) : new Float64Array(words.length);
  for (let i = 0; i < words.length; i += 1) result[i] = change(words[i]);
  return result;
}

const withSign = (word, bits) => (word >= 2 ** (bits - 1) ? word - 2 ** bits : word);

/** Sum of the steps between neighbours. */
function roughness(values, { rows, columns, samples }) {
  const along = columns * samples;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < along; i += 1) {
      const at = row * along + i;
      if (row) sum += Math.abs(values[at] - values[at - along]);
      if (i >= samples) sum += Math.abs(values[at] - values[at - samples]);
    }
  }
  return sum;
}
