// TIFF with one film: grey or colour of 8 bits and more, uncompressed or packed by LZW, Deflate or PackBits.
// Black and white are those of pneumoscope/images/tiff.py and sample_range.py. Sections are those of TIFF 6.0.

import { Bytes, inflated } from "./bytes.js";
import { unpacked } from "./dicom-pixels.js";
import { checkSize } from "./limits.js";
import { upright } from "./orientation.js";
import { notOneFilm, rareCoding, truncated, unreadable } from "./problems.js";
import { level } from "./resampling.js";
import { scaled } from "./sample-range.js";

const TAGS = {
  subfile: 254, columns: 256, rows: 257, bits: 258, compression: 259, photometric: 262, stripOffsets: 273, orientation: 274,
  samples: 277, stripRows: 278, stripBytes: 279, planar: 284, predictor: 317,
  tileColumns: 322, tileRows: 323, tileOffsets: 324, tileBytes: 325, extra: 338, format: 339,
};
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4 }; // bytes of the types that are read
const MOST_PAGES = 100;
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB] = [0, 1, 2];
const COLOUR_TOLERANCE = 8;

/** Decodes one film: {levels, rows, columns, facts}. */
export async function readTiff(data) {
  const bytes = new Bytes(data);
  if (bytes.startsWith("+\0", 2) || bytes.startsWith("\0+", 2)) throw rareCoding("BigTIFF");
  const page = pageOf(bytes);
  const { rows, columns, bits, samples, format } = page;
  checkSize(rows, columns);
  if (![8, 16, 32].includes(bits) || samples > 4 || (samples >= 3) !== (page.photometric === RGB) || page.photometric > RGB || page.planar) {
    throw rareCoding(`TIFF with ${bits} bits per sample and ${samples} samples per pixel, of this photometric kind,`);
  }
  const stored = samplesOf(await pixelBytes(bytes, page), page);
  const film = samples >= 3 ? ofColour(stored, page) : ofGrey(stored, page);
  const facts = { format: "TIFF", rows, columns, bits: film.bits, colour: film.tint > 0, tint: film.tint, reduced_by: 1 };
  if (format === 3 && bits !== 32) throw rareCoding(`TIFF with floats of ${bits} bits`);
  return upright({ levels: film.levels, rows, columns, facts }, page.orientation);
}

/** The one page that is neither a reduced copy nor a mask of another one. */
function pageOf(bytes) {
  const little = bytes.startsWith("II");
  const pages = [];
  const seen = new Set();
  let offset = bytes.number(4, 4, little);
  while (offset && !seen.has(offset) && seen.size < MOST_PAGES) {
    if (offset + 2 > bytes.length) throw truncated();
    seen.add(offset);
    const count = bytes.number(offset, 2, little);
    const tags = directory(bytes, offset + 2, count, little);
    if (!((tags.get(TAGS.subfile)?.[0] ?? 0) & 5)) pages.push(tags);
    offset = bytes.number(offset + 2 + 12 * count, 4, little);
  }
  if (pages.length !== 1) throw notOneFilm(pages.length ? "several pages" : "no page but reduced copies");
  const [tags] = pages;
  const first = (tag, fallback) => tags.get(tag)?.[0] ?? fallback;
  const tiled = tags.has(TAGS.tileOffsets);
  const [rows, columns] = [first(TAGS.rows, 0), first(TAGS.columns, 0)];
  return {
    little,
    rows,
    columns,
    bits: first(TAGS.bits, 1),
    samples: first(TAGS.samples, 1),
    format: first(TAGS.format, 1),
    compression: first(TAGS.compression, 1),
    photometric: first(TAGS.photometric, BLACK_IS_ZERO),
    planar: first(TAGS.planar, 1) === 2 && first(TAGS.samples, 1) > 1,
    predictor: first(TAGS.predictor, 1),
    orientation: first(TAGS.orientation, 1),
    offsets: tags.get(tiled ? TAGS.tileOffsets : TAGS.stripOffsets) ?? [],
    counts: tags.get(tiled ? TAGS.tileBytes : TAGS.stripBytes) ?? [],
    width: tiled ? first(TAGS.tileColumns, 0) : columns,
    height: tiled ? first(TAGS.tileRows, 0) : Math.min(rows, first(TAGS.stripRows, rows)),
  };
}

/** Tags of a directory and their numbers. */
function directory(bytes, start, count, little) {
  const tags = new Map();
  for (let i = 0; i < count; i += 1) {
    const at = start + 12 * i;
    const size = SIZES[bytes.number(at + 2, 2, little)];
    const values = bytes.number(at + 4, 4, little);
    if (!size || values > bytes.length) continue;
    const from = size * values <= 4 ? at + 8 : bytes.number(at + 8, 4, little);
    tags.set(bytes.number(at, 2, little), Array.from({ length: values }, (_, k) => bytes.number(from + k * size, size, little)));
  }
  return tags;
}

/** The unpacked bytes of the page, row by row. */
async function pixelBytes(bytes, page) {
  const { offsets, counts, width, height, rows, columns, bits, samples } = page;
  if (width < 1 || height < 1) throw unreadable("its strips are not listed");
  const [across, down] = [Math.ceil(columns / width), Math.ceil(rows / height)];
  if (offsets.length !== across * down || counts.length !== offsets.length) throw unreadable("its strips are not listed");
  const pixel = (bits / 8) * samples;
  const whole = new Uint8Array(rows * columns * pixel);
  for (let i = 0; i < offsets.length; i += 1) {
    if (offsets[i] + counts[i] > bytes.length) throw truncated();
    const [top, left] = [Math.floor(i / across) * height, (i % across) * width];
    const kept = { rows: Math.min(height, rows - top), columns: Math.min(width, columns - left) };
    const isTile = width !== columns || across > 1;
    const size = (isTile ? height : kept.rows) * width * pixel;
    const part = await unpackedPart(bytes.part(offsets[i], offsets[i] + counts[i]), page, size);
    if (page.predictor === 2) undoDifferences(part, page);
    else if (page.predictor !== 1) throw rareCoding("TIFF with differences of floats");
    for (let row = 0; row < kept.rows; row += 1) {
      const from = row * width * pixel;
      whole.set(part.subarray(from, from + kept.columns * pixel), ((top + row) * columns + left) * pixel);
    }
  }
  return whole;
}

async function unpackedPart(packed, { compression }, size) {
  if (compression === 1) {
    if (packed.length < size) throw truncated();
    return packed.slice(0, size);
  }
  if (compression === 32773) return unpacked(packed, size);
  if (compression === 5) return unpackedLzw(packed, size);
  if (compression !== 8 && compression !== 32946) throw rareCoding(`TIFF with compression ${compression}`);
  let part;
  try {
    part = await inflated(packed, "deflate", size + 2 ** 20);
  } catch {
    throw unreadable("the TIFF data is broken");
  }
  if (part.length < size) throw truncated();
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
    if (!known && (before === null || code - 258 !== table.length)) throw unreadable("the TIFF data is broken");
    const entry = known ?? [...before, before[0]];
    for (let i = 0; i < entry.length && to < size; i += 1) result[to++] = entry[i];
    if (before !== null && table.length < 4096 - 258) table.push([...before, entry[0]]);
    before = entry;
    bits = Math.min(12, Math.max(9, 32 - Math.clz32(table.length + 259)));
  }
  if (to < size) throw truncated();
  return result;
}

/** Section 14: each sample is the difference from the one on its left. */
function undoDifferences(part, { bits, samples, width, little }) {
  const size = bits / 8;
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const get = { 1: (at) => view.getUint8(at), 2: (at) => view.getUint16(at, little), 4: (at) => view.getUint32(at, little) }[size];
  const set = { 1: (at, v) => view.setUint8(at, v), 2: (at, v) => view.setUint16(at, v, little), 4: (at, v) => view.setUint32(at, v, little) }[size];
  const line = width * samples * size;
  const step = samples * size;
  for (let begin = 0; begin + line <= part.length; begin += line) {
    for (let at = begin + step; at < begin + line; at += size) set(at, get(at) + get(at - step));
  }
}

/** Samples as numbers. */
function samplesOf(raw, { bits, format, little }) {
  const view = new DataView(raw.buffer);
  const count = raw.length / (bits / 8);
  if (bits === 8) return format === 2 ? new Int8Array(raw.buffer) : raw;
  const read = {
    "16,1": (i) => view.getUint16(2 * i, little),
    "16,2": (i) => view.getInt16(2 * i, little),
    "32,1": (i) => view.getUint32(4 * i, little),
    "32,2": (i) => view.getInt32(4 * i, little),
    "32,3": (i) => view.getFloat32(4 * i, little),
  }[`${bits},${format}`];
  if (!read) throw rareCoding(`TIFF with ${bits} bits per sample`);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i += 1) values[i] = read(i);
  return values;
}

function ofGrey(stored, { bits, samples, format, photometric }) {
  const count = stored.length / samples;
  const grey = samples === 1 ? stored : stored.filter((_, i) => i % samples === 0);
  const inverse = photometric === WHITE_IS_ZERO;
  const levels = new Uint8Array(count);
  if (bits === 8 && format === 1) {
    for (let i = 0; i < count; i += 1) levels[i] = inverse ? 255 - grey[i] : grey[i];
    return { levels, tint: 0, bits };
  }
  const most = format === 2 ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const range = scaled(grey, { float: format === 3, most: bits === 16 && format === 1 ? 2 ** 31 - 1 : most });
  for (let i = 0; i < count; i += 1) levels[i] = level(inverse ? 1 - range.grey(i) : range.grey(i));
  return { levels, tint: 0, bits: format === 3 ? bits : range.bits };
}

/** As Pillow reads colour: the high byte of 16 bits, and ITU-R 601-2 luma. */
function ofColour(stored, { bits, samples, format }) {
  if (bits > 16 || format !== 1) throw rareCoding(`TIFF in colour with ${bits} bits per sample`);
  const count = stored.length / samples;
  const levels = new Uint8Array(count);
  let [redSum, blueSum, most] = [0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    const [red, green, blue] = [0, 1, 2].map((k) => stored[i * samples + k] >> (bits - 8));
    levels[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    const [r, b] = [Math.abs(red - green), Math.abs(blue - green)];
    redSum += r;
    blueSum += b;
    most = Math.max(most, r, b);
  }
  return { levels, tint: most > COLOUR_TOLERANCE ? Math.max(redSum, blueSum) / count / 255 : 0, bits: 8 };
}
