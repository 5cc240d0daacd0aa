// Samples of TIFF as they are stored: the same as pneumoscope/images/tiff_samples.py. Sections are those of TIFF 6.0.

import { inflated } from "./bytes.js";
import { unpacked } from "./dicom-pixels.js";
import { rareCoding, truncated, unreadable } from "./problems.js";

const [NONE, LZW, DEFLATE, PACKBITS, OLD_DEFLATE] = [1, 5, 8, 32773, 32946];
const READ = [NONE, LZW, DEFLATE, PACKBITS, OLD_DEFLATE]; // a browser has no decoder for the others that Python reads
const HEADER_BYTES = 8; // section 2
const BROKEN = "the TIFF data is broken";
// (bits, SampleFormat) to the type of array and the reader of one sample.
const KINDS = {
  "8,1": [Uint8Array, (view, at) => view.getUint8(at)],
  "8,2": [Int8Array, (view, at) => view.getInt8(at)],
  "16,1": [Uint16Array, (view, at, little) => view.getUint16(at, little)],
  "16,2": [Int16Array, (view, at, little) => view.getInt16(at, little)],
  "16,3": [Float32Array, (view, at, little) => half(view.getUint16(at, little))],
  "32,1": [Uint32Array, (view, at, little) => view.getUint32(at, little)],
  "32,2": [Int32Array, (view, at, little) => view.getInt32(at, little)],
  "32,3": [Float32Array, (view, at, little) => view.getFloat32(at, little)],
  "64,1": [BigUint64Array, (view, at, little) => view.getBigUint64(at, little)],
  "64,2": [BigInt64Array, (view, at, little) => view.getBigInt64(at, little)],
  "64,3": [Float64Array, (view, at, little) => view.getFloat64(at, little)],
};

/**
 * Samples of all pixels, row by row; those of a pixel lie together.
 *
 * @param {import("./bytes.js").Bytes} bytes
 * @param {object} page  Of `pageOf` in tiff.js; its size was checked.
 * @param {Object<string, string>} names  Compressions by their numbers.
 */
export async function samplesOf(bytes, page, names) {
  const { rows, columns, bits, samples, format, compression, predictor, planar } = page;
  const isPacked = bits[0] < 16 && bits[0] !== 8 && format === 1;
  const [Kind, read] = isPacked ? [bits[0] < 8 ? Uint8Array : Uint16Array, null] : (KINDS[`${bits[0]},${format}`] ?? []);
  const isKnown = Kind && new Set(bits).size === 1 && (isPacked ? [1] : [1, 2, 3]).includes(predictor);
  if (!isKnown || !READ.includes(compression)) throw unsupported(page, names);
  const together = planar ? 1 : samples;
  const whole = new Kind(rows * columns * samples);
  for (const piece of grid(bytes, page)) {
    const rowBytes = Math.ceil((piece.width * together * bits[0]) / 8);
    const part = await unpackedPart(packedPart(bytes, piece, page.fillOrder), page, piece.storedRows * rowBytes, page.filledHeight * rowBytes);
    const layout = { rows: piece.storedRows, width: piece.width * together, rowBytes, together, size: bits[0] / 8, little: page.little };
    const values = isPacked ? ofBits(part, layout, bits[0], Kind) : ofBytes(part, layout, predictor, Kind, read);
    for (let row = 0; row < piece.rows; row += 1) {
      const from = row * layout.width;
      const to = (piece.top + row) * columns + piece.left;
      if (!planar) whole.set(values.subarray(from, from + piece.columns * together), to * samples);
      else for (let i = 0; i < piece.columns; i += 1) whole[(to + i) * samples + piece.plane] = values[from + i];
    }
  }
  return whole;
}

function unsupported({ bits, samples, compression }, names) {
  if (!READ.includes(compression)) return rareCoding(`TIFF with ${names[compression] ?? `compression ${compression}`} compression`);
  const different = [...new Set(bits)].sort((a, b) => a - b).join(", ");
  return rareCoding(`TIFF with ${different} bits per sample and ${samples} samples per pixel, of this photometric kind,`);
}

/**
 * The strips or tiles: which bytes of the file they are, and which pixels of the page.
 *
 * A tile has `width` columns and `storedRows` rows, of which some may lie beyond the film.
 */
export function grid(bytes, page) {
  const { width, height, rows, columns, tiled, planar, samples, bits, compression } = page;
  const planes = planar ? samples : 1;
  if (width < 1 || height < 1) throw unreadable(`its ${tiled ? "tiles" : "strips"} are not listed`);
  const [across, down] = [Math.ceil(columns / width), Math.ceil(rows / height)];
  const number = across * down;
  if (page.offsets.length < number * planes) throw unreadable(`its ${tiled ? "tiles" : "strips"} are not listed`);
  // Some writers list more than there are.
  const [offsets, listed] = [page.offsets, page.counts].map((values) => values.slice(0, number * planes));
  let counts = listed;
  const rowBytes = Math.ceil((width * Math.max(...bits) * (planar ? 1 : samples)) / 8);
  if (compression === NONE && !tiled && !counts.some(Boolean)) {
    // Old writers leave the sizes out: they follow from the others.
    counts = offsets.map((_, i) => Math.min(height, rows - (i % number) * height) * rowBytes);
  }
  if (counts.length !== offsets.length) throw unreadable("its strips are not listed");
  // Some writers state more bytes than a strip has: with PackBits, those of the next one are not its own.
  const starts = compression === PACKBITS ? [...new Set(offsets)].sort((a, b) => a - b) : [];
  const next = new Map(starts.map((start, i) => [start, starts[i + 1]]));
  return offsets.map((offset, i) => {
    if (offset < HEADER_BYTES) throw unreadable("a part of its pixels is missing");
    const [plane, place] = [Math.floor(i / number), i % number];
    const [top, left] = [Math.floor(place / across) * height, (place % across) * width];
    const kept = { rows: Math.min(height, rows - top), columns: Math.min(width, columns - left) };
    const storedRows = tiled ? height : kept.rows;
    const stated = compression === NONE ? Math.min(counts[i], rowBytes * storedRows) : counts[i];
    if (offset + stated > bytes.length) throw truncated();
    const count = Math.min(stated, (next.get(offset) ?? Infinity) - offset);
    return { offset, count, plane, top, left, width, storedRows, ...kept };
  });
}

/** The bytes of a strip or tile; with fill order 2 the bits of each byte are the other way round. */
export function packedPart(bytes, { offset, count }, fillOrder = 1) {
  const part = bytes.part(offset, offset + count);
  if (fillOrder !== 2) return part;
  const turned = Uint8Array.from({ length: 256 }, (_, byte) => parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2));
  return part.map((byte) => turned[byte]);
}

async function unpackedPart(packed, { compression }, size, filled) {
  if (compression === NONE) {
    if (packed.length < size) throw truncated();
    return packed.slice(0, size);
  }
  if (compression === LZW) return unpackedLzw(packed, size);
  let part;
  try {
    part = compression === PACKBITS ? unpacked(packed, size, filled) : await inflated(packed, "deflate", size + 2 ** 20);
  } catch {
    throw unreadable(BROKEN);
  }
  if (part.length < size) throw unreadable(BROKEN);
  return part;
}

/** Section 13: codes of 9 to 12 bits, 256 clears the table and 257 ends. */
function unpackedLzw(packed, size) {
  const result = new Uint8Array(size);
  let table = [];
  let [bits, at, to, before] = [9, 0, 0, null];
  while (to < size && at + bits <= 8 * packed.length) {
    let code = 0;
    for (let i = 0; i < bits; i += 1, at += 1) code = (code << 1) | ((packed[at >> 3] >> (7 - (at & 7))) & 1);
    if (code === 257) break;
    if (code === 256) {
      [table, bits, before] = [[], 9, null];
      continue;
    }
    const known = code < 256 ? [code] : table[code - 258];
    if (!known && (before === null || code - 258 !== table.length)) throw unreadable(BROKEN);
    const entry = known ?? [...before, before[0]];
    for (let i = 0; i < entry.length && to < size; i += 1) result[to++] = entry[i];
    if (before !== null && table.length < 4096 - 258) table.push([...before, entry[0]]);
    before = entry;
    bits = Math.min(12, Math.max(9, 32 - Math.clz32(table.length + 259)));
  }
  if (to < size) throw unreadable(BROKEN);
  return result;
}

/** Samples that do not fill bytes, the highest bit first; rows begin with a byte (section 8). */
function ofBits(part, { rows, width, rowBytes }, bits, Kind) {
  const values = new Kind(rows * width);
  for (let row = 0, to = 0; row < rows; row += 1) {
    let [at, have, rest] = [row * rowBytes, 0, 0];
    for (let i = 0; i < width; i += 1, to += 1) {
      for (; have < bits; have += 8, at += 1) rest = (rest << 8) | part[at];
      have -= bits;
      values[to] = rest >> have;
      rest &= (1 << have) - 1;
    }
  }
  return values;
}

/** Samples of whole bytes, of which a predictor may have stored differences (section 14; technical note 3 for floats). */
function ofBytes(part, layout, predictor, Kind, read) {
  const { rows, width, size } = layout;
  let { little } = layout;
  let bytes = part;
  if (predictor === 2) undoDifferences(part, layout);
  if (predictor === 3) [bytes, little] = [ofBytewise(part, layout), false];
  if (Kind === Uint8Array) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Kind(rows * width);
  for (let i = 0; i < values.length; i += 1) values[i] = read(view, i * size, little);
  return values;
}

/** Each sample is the difference from the one on its left. */
function undoDifferences(part, { together, rowBytes, size, little }) {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const name = { 1: "Uint8", 2: "Uint16", 4: "Uint32", 8: "BigUint64" }[size];
  const step = together * size;
  for (let begin = 0; begin + rowBytes <= part.length; begin += rowBytes) {
    for (let at = begin + step; at < begin + rowBytes; at += size) {
      view[`set${name}`](at, view[`get${name}`](at, little) + view[`get${name}`](at - step, little), little);
    }
  }
}

/** Each row has all first bytes, then all second bytes ..., the highest first, as differences. */
function ofBytewise(part, { rows, width, rowBytes, together, size }) {
  const bytes = new Uint8Array(rows * rowBytes);
  for (let begin = 0; begin + rowBytes <= bytes.length; begin += rowBytes) {
    for (let at = begin + together; at < begin + rowBytes; at += 1) part[at] += part[at - together];
    for (let i = 0; i < width; i += 1) {
      for (let byte = 0; byte < size; byte += 1) bytes[begin + i * size + byte] = part[begin + byte * width + i];
    }
  }
  return bytes;
}

/** A float of 16 bits (IEEE 754, binary16). */
function half(word) {
  const [sign, exponent, fraction] = [word & 0x8000 ? -1 : 1, (word >> 10) & 31, word & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
