// Which bits of a stored word belong to the film (PS3.5 8.1.1), and their sign: the same as
// pneumoscope/images/stored_bits.py.

import { TAGS } from "./dicom-header.js";

const FEW = 32;
const ROW_STEP = 8;

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
  const unsigned = mapped(decoded.words, width, (word) => (word < 0 ? word + 2 ** width : word));
  const signed = head.isSigned !== (bits === width && bits > 8 && isSignWrong(unsigned, decoded, bits, head.isSigned));
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

/** Whether the film jumps only if its words are read with the header's sign. */
function isSignWrong(unsigned, { rows, columns, samples }, bits, isSigned) {
  const along = columns * samples;
  const half = 2 ** (bits - 1);
  const [above, below] = [new Set(), new Set()];
  let [jumpsWithSign, without] = [0, 0];
  for (let row = 0; row < rows; row += ROW_STEP) {
    for (let i = 0; i < along; i += 1) {
      const word = unsigned[row * along + i];
      (word >= half ? above : below).add(word);
      if (i < samples) continue;
      const before = unsigned[row * along + i - samples];
      without += Math.abs(word - before);
      jumpsWithSign += Math.abs(withSign(word, bits) - withSign(before, bits));
    }
  }
  if (Math.min(above.size, below.size) < FEW) return false;
  const [stated, other] = isSigned ? [jumpsWithSign, without] : [without, jumpsWithSign];
  return 2 * other < stated;
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
