// PNG: its checksums, and samples of which a canvas would drop something: the low bytes of 16 bits, colours under alpha.

import { Bytes, crc32, inflated, joinedBytes } from "./bytes.js";
import { exifOf, exifOfProfile, isOfScreenshot } from "./exif.js";
import { textsOf } from "./png-texts.js";
import { notOneFilm, rareCoding, truncated, unreadable } from "./problems.js";

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // of the colour types that `samplesOfPng` reads
const [GREY, PALETTE, GREY_ALPHA] = [0, 3, 4];
const MOST_FRAMES = 2 ** 31;
/** Adam7 (PNG 8.2): first row and column, and the steps between rows and columns, of each pass. */
const PASSES = [[0, 0, 8, 8], [0, 4, 8, 8], [4, 0, 8, 4], [0, 2, 4, 4], [2, 0, 4, 2], [0, 1, 2, 2], [1, 0, 2, 1]];
const TEXTS = ["tEXt", "zTXt", "iTXt"];
const [XMP, PROFILE] = ["XML:com.adobe.xmp", "Raw profile type exif"];
const EXIF_TEXT = "exif\0";
const WHOLE = [[0, 0, 1, 1]];

/**
 * Size and kind of a PNG, its checksums being right: {rows, columns, depth, colour, interlaced, parts, exif, isTurned, transparent, entries}.
 *
 * `isTurned` says whether a browser knows of the orientation in `exif`: it does not read texts.
 */
export async function checkedPng(data) {
  const bytes = new Bytes(data);
  const parts = [];
  const texts = [];
  let [exifData, isTurned, transparent, entries] = [null, false, null, 0];
  for (let at = 8, kind = ""; kind !== "IEND"; ) {
    const size = bytes.number(at, 4);
    kind = bytes.text(at + 4, at + 8);
    const end = at + 8 + size;
    if (end + 4 > bytes.length) throw truncated();
    if (kind === "CgBI") throw rareCoding("PNG for iPhones (CgBI)");
    const isSound = crc32(bytes.part(at + 4, end)) === bytes.number(end, 4);
    if (!isSound && kind[0] >= "A" && kind[0] <= "Z") throw unreadable("a checksum is wrong");
    const frames = isSound && kind === "acTL" && size >= 8 && !parts.length ? bytes.number(at + 8, 4) : 0;
    if (frames > 1 && frames <= MOST_FRAMES) throw notOneFilm("animation");
    if (isSound && kind === "eXIf") [exifData, isTurned] = [bytes.part(at + 8, end), true]; // the last one counts
    if (isSound && kind === "tEXt" && bytes.startsWith(EXIF_TEXT, at + 8)) [exifData, isTurned] = [bytes.part(at + 8 + EXIF_TEXT.length, end), false];
    if (isSound && TEXTS.includes(kind)) texts.push({ kind, content: bytes.part(at + 8, end) });
    if (isSound && kind === "tRNS") transparent = bytes.part(at + 8, end);
    if (kind === "PLTE") entries = Math.floor(size / 3);
    if (kind === "IDAT") parts.push(bytes.part(at + 8, end));
    at = end + 4;
  }
  const read = await textsOf(texts, [XMP, PROFILE]);
  const exif = exifOf(exifData ?? exifOfProfile(read.get(PROFILE) ?? ""));
  if (isOfScreenshot(read.get(XMP) ?? "")) exif.takenBy ??= "screenshot";
  return { columns: bytes.number(16, 4), rows: bytes.number(20, 4), depth: data[24], colour: data[25], interlaced: data[28] === 1, parts, exif, isTurned, transparent, entries };
}

/** Whether a canvas would drop bits of the samples, or colours under alpha. */
export const needsSamples = ({ depth, colour }) => depth === 16 ? colour in CHANNELS && colour !== PALETTE : depth === 8 && colour >= GREY_ALPHA;

/** Refuses a film whose compressed data ends before its last row, which a browser may leave black. */
export async function checkRows({ rows, columns, depth, colour, interlaced, parts }) {
  const bits = depth * (CHANNELS[colour] ?? 1);
  let needed = 0;
  for (const [top, left, down, along] of interlaced ? PASSES : WHOLE) {
    const [height, width] = [Math.ceil((rows - top) / down), Math.ceil((columns - left) / along)];
    if (height > 0 && width > 0) needed += height * (1 + Math.ceil((width * bits) / 8));
  }
  const raw = await inflated(joinedBytes(parts), "deflate", needed + 2 ** 16).catch((error) => {
    if (error instanceof RangeError) return null; // more than needed
    throw unreadable("the PNG data is broken");
  });
  if (raw && raw.length < needed) throw truncated();
}

/** Refuses a film with pixels for which its palette has no entry (PNG 11.2.2), which a browser may leave black. */
export async function checkPalette(png) {
  if (png.colour !== PALETTE || png.entries >= 2 ** png.depth) return;
  if ((await samplesOfPng(png)).some((index) => index >= png.entries)) throw unreadable("its palette has too few colours");
}

/** What the samples are, in the words of TIFF 6.0, see sample-grey.js. */
export function meaningOf({ depth, colour }) {
  const isColour = colour !== GREY && colour !== GREY_ALPHA;
  return { photometric: isColour ? 2 : 1, bits: [depth], format: 1, samples: CHANNELS[colour], extra: colour >= GREY_ALPHA ? [2] : [], colourMap: [] };
}

/** Puts 0 where the samples are those of tRNS (PNG 11.3.1.1), unless all are. */
export function clearTransparent(samples, { depth, colour, transparent }) {
  if (depth < 16 || colour >= GREY_ALPHA || transparent?.length !== 2 * CHANNELS[colour]) return;
  const channels = CHANNELS[colour];
  const named = Array.from({ length: channels }, (_, k) => transparent[2 * k] * 256 + transparent[2 * k + 1]);
  const isClear = (_, i) => named.every((value, k) => samples[i * channels + k] === value);
  const clear = Uint8Array.from({ length: samples.length / channels }, isClear);
  if (clear.every((value) => value)) return;
  for (let i = 0; i < samples.length; i += 1) if (clear[Math.floor(i / channels)]) samples[i] = 0;
}

/** The samples of a PNG, row by row. */
export async function samplesOfPng({ rows, columns, depth, colour, interlaced, parts }) {
  const passes = interlaced ? PASSES : WHOLE;
  const channels = CHANNELS[colour];
  const pixelBits = depth * channels;
  let raw;
  try {
    raw = await inflated(joinedBytes(parts), "deflate", Math.ceil(pixelBits / 8) * rows * columns + 8 * rows + 2 ** 16);
  } catch {
    throw unreadable("the PNG data is broken");
  }
  const samples = depth <= 8 ? new Uint8Array(rows * columns * channels) : new Uint16Array(rows * columns * channels);
  let at = 0;
  for (const [top, left, down, along] of passes) {
    const [height, width] = [Math.ceil((rows - top) / down), Math.ceil((columns - left) / along)];
    if (height <= 0 || width <= 0) continue;
    const rowBytes = Math.ceil((pixelBits * width) / 8);
    const lines = unfiltered(raw, at, height, rowBytes, Math.max(1, pixelBits / 8));
    at += height * (rowBytes + 1);
    for (let row = 0; row < height; row += 1) {
      for (let i = 0; i < width; i += 1) {
        const to = ((top + row * down) * columns + left + i * along) * channels;
        for (let k = 0; k < channels; k += 1) samples[to + k] = sampleOf(lines, row * rowBytes, i * channels + k, depth);
      }
    }
  }
  return samples;
}

/** A sample of a row that begins at a byte; of several in a byte, the first one has the highest bits (PNG 7.2). */
function sampleOf(lines, start, number, depth) {
  if (depth === 8) return lines[start + number];
  if (depth === 16) return lines[start + 2 * number] * 256 + lines[start + 2 * number + 1];
  const bit = number * depth;
  return (lines[start + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}

/** Rows without their filters (PNG 9.2), of `width` bytes; `pixel` is the number of bytes per pixel. */
function unfiltered(raw, start, rows, width, pixel) {
  if (start + rows * (width + 1) > raw.length) throw truncated();
  const lines = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    const from = start + row * (width + 1);
    const kind = raw[from];
    const to = row * width;
    for (let i = 0; i < width; i += 1) {
      const left = i >= pixel ? lines[to + i - pixel] : 0;
      const above = row ? lines[to + i - width] : 0;
      const corner = row && i >= pixel ? lines[to + i - width - pixel] : 0;
      lines[to + i] = raw[from + 1 + i] + predicted(kind, left, above, corner);
    }
  }
  return lines;
}

function predicted(kind, left, above, corner) {
  if (kind === 0) return 0;
  if (kind === 1) return left;
  if (kind === 2) return above;
  if (kind === 3) return (left + above) >> 1;
  if (kind !== 4) throw unreadable("the PNG data is broken");
  const [a, b, c] = [above - corner, left - corner, left + above - 2 * corner].map(Math.abs);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}
