// TIFF: finds the one page that is a film, by the rules of pneumoscope/images/tiff.py. Its samples are read by
// tiff-samples.js, and sample-grey.js says what they mean. Tags and sections are those of TIFF 6.0.

import { Bytes, joinedBytes } from "./bytes.js";
import { rareProcess } from "./codestream.js";
import { missingRowsOf } from "./erased.js";
import { luminanceOf } from "./jpeg.js";
import { checkSize } from "./limits.js";
import { upright } from "./orientation.js";
import { notOneFilm, rareCoding, truncated, unreadable } from "./problems.js";
import { BLACK_IS_ZERO, greyOf, inverted, RGB, YCBCR } from "./sample-grey.js";
import { grid, packedPart, samplesOf } from "./tiff-samples.js";

const TAGS = {
  subfile: 254, oldSubfile: 255, columns: 256, rows: 257, bits: 258, compression: 259, photometric: 262, fillOrder: 266,
  stripOffsets: 273, orientation: 274, samples: 277, stripRows: 278, stripBytes: 279, planar: 284, predictor: 317, colourMap: 320,
  tileColumns: 322, tileRows: 323, tileOffsets: 324, tileBytes: 325, extra: 338, format: 339, jpegTables: 347, subsampling: 530,
  depth: 32997,
};
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8 }; // bytes of the types that are read
const NEEDED = new Set(Object.values(TAGS)); // without their values, a film cannot be read
const MOST_PAGES = 100;
const MOST_ENTRIES = 4096; // of a directory, as in libtiff
const SHARED_BYTES = 2 ** 16;
const MOST_SAMPLES = 16;
const UNCOMPRESSED = 1;
const JPEG = 7; // technical note 2
const UNSPECIFIED_ALPHA = 999; // as Pillow knows it, from Corel Draw

/**
 * Decodes one film: {levels, rows, columns, facts}.
 *
 * @param {Uint8Array} data
 * @param {Object<string, string>} names  Compressions by their numbers, see `pneumoscope.images.tiff.NAMES`.
 */
export async function readTiff(data, names) {
  const bytes = new Bytes(data);
  const page = pageOf(bytes);
  const { rows, columns } = page;
  checkSize(rows, columns);
  if (page.photometric === YCBCR && page.compression !== JPEG && page.subsampling.some((step) => step !== 1)) throw rareCoding("TIFF with subsampled colour");
  const film = page.compression === JPEG ? ofJpeg(bytes, page) : greyOf(await samplesOf(bytes, page, names), page);
  const bits = Math.min(film.bits, Math.max(...page.bits));
  const facts = { format: "TIFF", rows, columns, bits, colour: film.tint > 0, tint: film.tint, reduced_by: 1 };
  const missingRows = page.compression === UNCOMPRESSED && !page.tiled ? missingRowsOf(film.levels, columns) : null;
  if (missingRows !== null) facts.missing_rows = missingRows;
  return upright({ levels: film.levels, rows, columns, facts }, page.orientation);
}

/** The one page that is neither a reduced copy nor a mask of another one (section 8, bits 0 and 2). */
function pageOf(bytes) {
  const little = bytes.startsWith("II");
  const wide = bytes.startsWith("+\0", 2) || bytes.startsWith("\0+", 2); // BigTIFF
  const [word, countBytes, entryBytes] = wide ? [8, 8, 20] : [4, 2, 12];
  const pages = [];
  const seen = new Set();
  let offset = bytes.number(wide ? 8 : 4, word, little);
  while (offset && !seen.has(offset) && seen.size < MOST_PAGES) {
    if (offset + 2 > bytes.length) throw truncated();
    seen.add(offset);
    const start = offset + countBytes;
    const entries = bytes.number(offset, countBytes, little);
    if (entries > MOST_ENTRIES) throw unreadable(`${entries} entries in its directory`);
    const end = start + entryBytes * entries;
    const tags = directory(bytes, { start, end, entryBytes, word, little });
    const isCopy = (tags.get(TAGS.subfile)?.[0] ?? 0) & 5 || tags.get(TAGS.oldSubfile)?.[0] === 2;
    if (!isCopy && pages.push(tags) > 1) break;
    offset = bytes.number(end, word, little);
  }
  if (pages.length !== 1) throw notOneFilm(pages.length ? "several pages" : "no page but reduced copies");
  return described(pages[0], little);
}

/** Tags of a directory and their numbers. */
function directory(bytes, { start, end, entryBytes, word, little }) {
  const tags = new Map();
  let room = bytes.length + SHARED_BYTES; // of entries that share their values, many would take any amount of memory
  for (let at = start; at < end && at < bytes.length; at += entryBytes) {
    const size = SIZES[bytes.number(at + 2, 2, little)];
    const values = bytes.number(at + 4, word, little);
    if (!size) continue;
    const place = at + 4 + word;
    const from = size * values <= word ? place : bytes.number(place, word, little);
    const tag = bytes.number(at, 2, little);
    if (!NEEDED.has(tag)) continue;
    if (from + size * values > bytes.length || size * values > room) throw truncated();
    room -= size * values;
    tags.set(tag, Array.from({ length: values }, (_, k) => bytes.number(from + k * size, size, little)));
  }
  return tags;
}

/** What the tags of a page say. */
function described(tags, little) {
  const first = (tag, fallback) => tags.get(tag)?.[0] ?? fallback;
  const slices = first(TAGS.depth, 1); // ImageDepth of SGI
  if (slices > 1) throw notOneFilm(`${slices} frames`);
  const samples = first(TAGS.samples, 1);
  const bits = (tags.get(TAGS.bits) ?? [1]).slice(0, Math.max(samples, 1)); // some writers state more
  if (samples < 1 || samples > MOST_SAMPLES || ![1, samples].includes(bits.length)) throw unreadable(`${samples} samples per pixel`);
  const formats = new Set(tags.get(TAGS.format) ?? [1]);
  const tiled = tags.has(TAGS.tileOffsets);
  const [rows, columns] = [first(TAGS.rows, 0), first(TAGS.columns, 0)];
  const photometric = first(TAGS.photometric, samples > 2 ? RGB : BLACK_IS_ZERO);
  return {
    little,
    rows,
    columns,
    samples,
    photometric,
    tiled,
    bits: bits.length === 1 ? Array(samples).fill(bits[0]) : bits,
    format: formats.size === 1 ? [...formats][0] : 0,
    compression: first(TAGS.compression, 1),
    fillOrder: first(TAGS.fillOrder, 1),
    planar: first(TAGS.planar, 1) === 2 && samples > 1,
    predictor: first(TAGS.predictor, 1),
    orientation: first(TAGS.orientation, 1),
    subsampling: tags.get(TAGS.subsampling) ?? [1, 1],
    tables: Uint8Array.from(tags.get(TAGS.jpegTables) ?? []),
    extra: extraOf(tags.get(TAGS.extra), photometric, samples),
    colourMap: tags.get(TAGS.colourMap) ?? [],
    offsets: tags.get(tiled ? TAGS.tileOffsets : TAGS.stripOffsets) ?? [],
    counts: tags.get(tiled ? TAGS.tileBytes : TAGS.stripBytes) ?? [],
    width: tiled ? first(TAGS.tileColumns, 0) : columns,
    height: tiled ? first(TAGS.tileRows, 0) : Math.min(rows, first(TAGS.stripRows, rows)),
    filledHeight: tiled ? first(TAGS.tileRows, 0) : first(TAGS.stripRows, rows),
  };
}

/** The meaning of samples beyond the colours; a fourth one beside RGB without a meaning is alpha, as Pillow takes it. */
function extraOf(extra, photometric, samples) {
  if (!extra) return photometric === RGB && samples === 4 ? [2] : [];
  return extra.map((kind) => (kind === UNSPECIFIED_ALPHA ? 2 : kind));
}

/** Strips or tiles that are JPEG in grey or YCbCr. */
function ofJpeg(bytes, page) {
  const { rows, columns, tables, photometric, planar } = page;
  const levels = new Uint8Array(rows * columns);
  let tint = 0;
  for (const piece of grid(bytes, page)) {
    const stream = packedPart(bytes, piece);
    const rare = rareProcess(stream);
    if (rare) throw rareCoding(`TIFF with ${rare} inside`);
    const whole = tables.length ? joinedBytes([tables.subarray(0, -2), stream.subarray(2)]) : stream;
    const part = planar || photometric === RGB ? null : luminanceOf(whole);
    if (!part) throw rareCoding("TIFF with JPEG in colours other than YCbCr");
    if (part.missingRows !== null) throw truncated();
    if (part.rows < piece.rows || part.columns < piece.width) throw unreadable("a part of its pixels is missing");
    for (let row = 0; row < Math.min(piece.rows, part.rows); row += 1) {
      const line = part.levels.subarray(row * part.columns, row * part.columns + Math.min(piece.columns, part.columns));
      levels.set(line, (piece.top + row) * columns + piece.left);
    }
    tint += (part.tint * piece.rows * piece.columns) / (rows * columns);
  }
  return { levels: photometric === YCBCR ? levels : inverted(levels, photometric), tint, bits: 8 };
}
