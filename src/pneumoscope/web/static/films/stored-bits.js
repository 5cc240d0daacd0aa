// Which bits of a stored word belong to the film (PS3.5 8.1.1), and their sign: the same as
// pneumoscope/images/stored_bits.py.

import { TAGS } from "./dicom-header.js";

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
  const signed = head.isSigned;
  const bits = Math.min(head.storedBits, width);
  const unsigned = mapped(decoded.words, width, (word) => (word < 0 ? word + 2 ** width : word));
  const whole = signed ? mapped(unsigned, width, (word) => withSign(word, width)) : unsigned;
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
