// JPEG, PNG, BMP and WebP, and their grey levels: the same as pneumoscope/images/raster.py and raster_grey.py. The
// browser decodes them, but for JPEG in grey or YCbCr and for PNG of 16 bits or with alpha.

import { Bytes } from "./bytes.js";
import { frameOf, rareProcess } from "./codestream.js";
import { missingRowsOf } from "./erased.js";
import { checkComplete, luminanceOf } from "./jpeg.js";
import { checkSize } from "./limits.js";
import { exifOfJpeg, exifOfWebp } from "./exif.js";
import { upright } from "./orientation.js";
import { checkedPng, checkPalette, checkRows, clearTransparent, meaningOf, needsSamples, samplesOfPng } from "./png.js";
import { FilmError, notOneFilm, rareCoding, truncated, unreadable } from "./problems.js";
import { greyOf, luma, tintOf } from "./sample-grey.js";

const MOST_SCANS = 100;
const TYPES = { JPEG: "image/jpeg", PNG: "image/png", BMP: "image/bmp", WEBP: "image/webp" };

/**
 * Decodes one film: {levels, rows, columns, facts}.
 *
 * @param {Uint8Array} data
 * @param {"JPEG"|"PNG"|"BMP"|"WEBP"} kind
 * @param {number|null} atLeast  Least sides of a reduced JPEG; null for full size.
 */
export async function readRaster(data, kind, atLeast) {
  if (kind === "PNG") {
    const png = await checkedPng(data);
    checkSize(png.rows, png.columns);
    if (needsSamples(png)) return ofSamples(await samplesOfPng(png), png);
    const picture = await pictureOf(data, kind);
    const lastRow = picture.rgba.subarray(-4 * picture.columns);
    if (png.interlaced || lastRow.every((value, i) => value === 0 || i % 4 === 3)) await checkRows(png);
    await checkPalette(png);
    const film = ofPicture(picture, kind, png.depth, png.exif.takenBy);
    return png.isTurned ? film : upright(film, png.exif.orientation);
  }
  if (kind === "JPEG") return ofJpeg(data, atLeast);
  if (kind === "WEBP") checkWebp(data);
  else checkBmp(data);
  const film = ofPicture(await pictureOf(data, kind), kind, 8, kind === "WEBP" ? exifOfWebp(data).takenBy : null);
  if (kind === "BMP") {
    const missingRows = missingRowsOf(turnedOver(film), film.columns); // the lowest row comes first
    if (missingRows !== null) film.facts.missing_rows = missingRows;
  }
  return film;
}

/** The levels of a film from its lowest row to its highest. */
function turnedOver({ levels, rows, columns }) {
  const result = new levels.constructor(levels.length);
  for (let row = 0; row < rows; row += 1) result.set(levels.subarray(row * columns, (row + 1) * columns), (rows - 1 - row) * columns);
  return result;
}

function ofSamples(samples, png) {
  const { rows, columns, depth, exif } = png;
  clearTransparent(samples, png);
  const { levels, tint, bits } = greyOf(samples, meaningOf(png));
  const facts = { format: "PNG", rows, columns, bits: png.colour ? depth : bits, colour: tint > 0, tint, reduced_by: 1, taken_by: exif.takenBy };
  return upright({ levels, rows, columns, facts }, exif.orientation);
}

/** The grey levels and the tint of a decoded picture. */
function ofPicture({ rgba, rows, columns }, kind, bits, takenBy) {
  const levels = new Uint8Array(rows * columns);
  const sums = { red: 0, blue: 0, most: 0, chroma: 0 };
  for (let i = 0, at = 0; i < levels.length; i += 1, at += 4) {
    const [red, green, blue] = [rgba[at], rgba[at + 1], rgba[at + 2]];
    levels[i] = luma(red, green, blue);
    if (red !== green || blue !== green) strayed(sums, red, green, blue);
  }
  // Of a JPEG, chroma tells whether it has colour.
  const most = kind === "JPEG" ? sums.chroma : sums.most;
  const tint = tintOf(most, Math.max(sums.red, sums.blue) / levels.length);
  return { levels, rows, columns, facts: { format: kind, rows, columns, bits, colour: tint > 0, tint, reduced_by: 1, taken_by: takenBy } };
}

/** Adds how far the channels of a pixel differ. */
function strayed(sums, red, green, blue) {
  const [r, b] = [Math.abs(red - green), Math.abs(blue - green)];
  sums.red += r;
  sums.blue += b;
  sums.most = Math.max(sums.most, r, b);
  const cb = Math.abs(-0.168736 * red - 0.331264 * green + 0.5 * blue);
  const cr = Math.abs(0.5 * red - 0.418688 * green - 0.081312 * blue);
  sums.chroma = Math.max(sums.chroma, Math.round(cb), Math.round(cr));
}

async function ofJpeg(data, atLeast) {
  const { rows, columns } = checkedJpeg(data);
  checkSize(rows, columns);
  const by = atLeast ? reduction(rows, columns, atLeast) : 1;
  const grey = luminanceOf(data, by);
  const { orientation, takenBy } = exifOfJpeg(data);
  if (!grey) return reduced(ofPicture(await pictureOf(data, "JPEG"), "JPEG", 8, takenBy), by);
  const { levels, tint, missingRows } = grey;
  const facts = { format: "JPEG", rows, columns, bits: 8, colour: tint > 0, tint, reduced_by: by, taken_by: takenBy };
  if (missingRows !== null) facts.missing_rows = missingRows;
  return upright({ levels, rows: grey.rows, columns: grey.columns, facts }, orientation);
}

/** The frame of a JPEG of a usual kind. */
function checkedJpeg(data) {
  const rare = rareProcess(data);
  if (rare) throw rareCoding(rare);
  const frame = frameOf(data);
  if (!frame) throw data.length < 1024 ? truncated() : unreadable("the JPEG data is broken");
  checkScans(data);
  return frame;
}

/** Refuses a JPEG with so many scans that decoding would take long. */
export function checkScans(data) {
  let scans = 0;
  for (let at = data.indexOf(0xff); at >= 0; at = data.indexOf(0xff, at + 1)) if (data[at + 1] === 0xda) scans += 1;
  if (scans > MOST_SCANS) throw unreadable(`${scans} scans; a film has at most ${MOST_SCANS}`);
}

/** A JPEG codestream as red, green, blue and alpha. */
export async function rgbOfJpeg(data) {
  checkedJpeg(data);
  checkComplete(data);
  return pictureOf(data, "JPEG", false);
}

/** The scale of 1/2, 1/4 or 1/8 at which libjpeg would decode a large film, see `draft` of Pillow. */
function reduction(rows, columns, atLeast) {
  const scale = Math.min(Math.floor(rows / atLeast), Math.floor(columns / atLeast));
  return [8, 4, 2].find((by) => scale >= by) ?? 1;
}

/** Averages of squares, which is what libjpeg's reduced inverse transforms compute (jidctred.c). */
function reduced(film, by) {
  if (by === 1) return film;
  const { levels, rows, columns, facts } = film;
  const [height, width] = [Math.ceil(rows / by), Math.ceil(columns / by)];
  const sums = new Uint32Array(width);
  const result = new Uint8Array(height * width);
  for (let i = 0; i < height; i += 1) {
    sums.fill(0);
    const last = Math.min(rows, (i + 1) * by);
    for (let row = i * by; row < last; row += 1) {
      for (let column = 0; column < columns; column += 1) sums[Math.floor(column / by)] += levels[row * columns + column];
    }
    for (let j = 0; j < width; j += 1) {
      const count = (last - i * by) * (Math.min(columns, (j + 1) * by) - j * by);
      result[i * width + j] = Math.round(sums[j] / count);
    }
  }
  return { levels: result, rows: height, columns: width, facts: { ...facts, reduced_by: by } };
}

function checkWebp(data) {
  const bytes = new Bytes(data);
  if (bytes.number(4, 4, true) + 8 > bytes.length || bytes.length < 30) throw truncated();
  const chunk = bytes.text(12, 16);
  let [columns, rows] = [bytes.number(26, 2, true) & 0x3fff, bytes.number(28, 2, true) & 0x3fff];
  if (chunk === "VP8X") {
    [columns, rows] = [1 + bytes.number(24, 3, true), 1 + bytes.number(27, 3, true)];
    if (data[20] & 2) throw notOneFilm("animation");
  } else if (chunk === "VP8L") {
    const packed = bytes.number(21, 4, true);
    [columns, rows] = [1 + (packed & 0x3fff), 1 + ((packed >> 14) & 0x3fff)];
  }
  checkSize(rows, columns);
}

function checkBmp(data) {
  const bytes = new Bytes(data);
  if (bytes.number(2, 4, true) > bytes.length) throw truncated();
  const old = bytes.number(14, 4, true) === 12;
  const columns = old ? bytes.number(18, 2, true) : bytes.number(18, 4, true);
  const rows = old ? bytes.number(20, 2, true) : Math.abs(bytes.number(22, 4, true) | 0);
  checkSize(rows, columns);
}

/** What the browser decodes, on black, turned upright unless it lies in a DICOM file. */
async function pictureOf(data, kind, turned = true) {
  let bitmap;
  try {
    const options = { colorSpaceConversion: "none", imageOrientation: turned ? "from-image" : "none" };
    bitmap = await createImageBitmap(new Blob([data], { type: TYPES[kind] }), options);
  } catch {
    throw unreadable(`the ${kind} data is broken`);
  }
  const { width: columns, height: rows } = bitmap;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new FilmError("TooLarge", { what: `${columns} x ${rows} pixels`, limit: "that of this browser" });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { rgba: context.getImageData(0, 0, columns, rows).data, rows, columns };
}

/** Whether the browser gives pixels back as they are; some alter them against fingerprinting. */
export function readsPixels() {
  const canvas = new OffscreenCanvas(16, 16);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const written = new ImageData(16, 16);
  written.data.forEach((_, i) => (written.data[i] = i % 4 === 3 ? 255 : (i * 37) % 256));
  context.putImageData(written, 0, 0);
  const read = context.getImageData(0, 0, 16, 16).data;
  return read.every((value, i) => value === written.data[i]);
}
