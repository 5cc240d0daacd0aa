// Decodes the pixels of a DICOM film: the same as pneumoscope/images/transfer_syntax.py, fragments.py and
// dicom_pixels.py.

import { joinedBytes } from "./bytes.js";
import { beginsFrame, codingOf, frameOf } from "./codestream.js";
import { UNDEFINED } from "./dicom-elements.js";
import { TAGS } from "./dicom-header.js";
import { missingRowsOf } from "./erased.js";
import { FilmError, notOneFilm, truncated, unreadable } from "./problems.js";
import { filmValues } from "./stored-bits.js";

const IMPLICIT = "1.2.840.10008.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
const BIG = "1.2.840.10008.1.2.2";
export const DEFLATED = "1.2.840.10008.1.2.1.99";
export const GE_PRIVATE = "1.2.840.113619.5.2"; // implicit VR little endian with big endian pixels
const RLE = "1.2.840.10008.1.2.5";
const JPEG = "1.2.840.10008.1.2.4.";

/** Transfer syntax to its coding; "" is uncompressed. What a frame says about itself goes before. */
export const CODINGS = {
  [IMPLICIT]: "",
  [EXPLICIT]: "",
  [BIG]: "",
  "1.2.840.10008.1.2.1.98": "encapsulated",
  [RLE]: "rle",
  [`${JPEG}50`]: "jpeg",
  [`${JPEG}51`]: "jpeg",
  [`${JPEG}53`]: "jpeg",
  [`${JPEG}55`]: "jpeg",
  [`${JPEG}57`]: "jpeg-lossless",
  [`${JPEG}70`]: "jpeg-lossless",
  [`${JPEG}80`]: "jpeg-ls",
  [`${JPEG}81`]: "jpeg-ls",
  [`${JPEG}90`]: "jpeg-2000",
  [`${JPEG}91`]: "jpeg-2000",
  [`${JPEG}201`]: "htj2k",
  [`${JPEG}202`]: "htj2k",
  [`${JPEG}203`]: "htj2k",
};
const SPARE_BYTES = 8; // sloppy encoders add some
const USUAL = { rle: RLE, jpeg: `${JPEG}50`, "jpeg-12": `${JPEG}51`, "jpeg-lossless": `${JPEG}57`, "jpeg-ls": `${JPEG}81`, "jpeg-2000": `${JPEG}91`, htj2k: `${JPEG}203` };
/** Names of transfer syntaxes that are not decoded (PS3.6 table A-1). */
export const SYNTAX_NAMES = {
  [`${JPEG}100`]: "MPEG2 Main Profile / Main Level",
  [`${JPEG}102`]: "MPEG-4 AVC/H.264 High Profile / Level 4.1",
  [`${JPEG}107`]: "HEVC/H.265 Main Profile / Level 5.1",
  [`${JPEG}110`]: "JPEG XL Lossless",
  [`${JPEG}112`]: "JPEG XL",
  "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
};
const CODING_NAMES = { "jpeg-12": "JPEG of more than 8 bits", "jpeg-lossless": "JPEG Lossless", "jpeg-ls": "JPEG-LS", "jpeg-2000": "JPEG 2000", htj2k: "High-Throughput JPEG 2000" };
const ITEM = "\xfe\xff\x00\xe0"; // PS3.5 A.4, always little endian
const SEQUENCE_END = "\xfe\xff\xdd\xe0";
const MOST_HEADER = 2 ** 16;
const ROW_STEP = 16; // rows that tell what three samples are
const NO_CHROMA = 128; // of 8 bits (PS3.3 C.7.6.3.1.2)

/**
 * Bytes of one uncompressed frame; YBR_FULL_422 shares chroma between two pixels, unless the bytes at hand suffice
 * for all samples of all pixels.
 */
function nativeBytes(head, length = 0) {
  const bits = (head.short(TAGS.rows) ?? 0) * (head.short(TAGS.columns) ?? 0) * (head.short(TAGS.allocated) ?? 0);
  const whole = Math.ceil((bits * head.samples) / 8);
  return head.photometric === "YBR_FULL_422" && length < whole ? Math.ceil((bits * 2) / 8) : whole;
}

/** Whether a pixel data value consists of items, or has an undefined length as if it did. */
export function isEncapsulated(bytes, { start, length }) {
  if (length === UNDEFINED) return true;
  const table = bytes.number(start + 4, 4, true);
  return bytes.startsWith(ITEM, start) && table % 4 === 0 && table + 8 < length;
}

/** The transfer syntax that fits the pixels: `declared` unless they contradict it. */
export function actualSyntax(declared, layout, bytes, value, head) {
  const native = layout.little ? (layout.implicit ? IMPLICIT : EXPLICIT) : BIG;
  let coding;
  if (isEncapsulated(bytes, value)) {
    coding = codingOf(beginning(bytes, value));
  } else if (value.length < nativeBytes(head) || CODINGS[declared ?? ""]) {
    coding = codingOf(bytes.part(value.start, value.start + value.length));
    if (coding === null && value.length >= nativeBytes(head)) return native;
  } else {
    return native;
  }
  if (coding === null) return declared ?? native;
  if (declared !== null && [coding, coding.replace(/-12$/, "")].includes(CODINGS[declared])) return declared;
  return USUAL[coding];
}

/** The beginning of the first frame: fragments may be shorter than its header. */
function beginning(bytes, { start }) {
  const fragments = [];
  for (let at = start, size = 0; bytes.startsWith(ITEM, at) && size < MOST_HEADER; ) {
    const length = bytes.number(at + 4, 4, true);
    fragments.push(bytes.part(at + 8, at + 8 + Math.min(length, MOST_HEADER)));
    size += length;
    at += 8 + length;
  }
  const hasTable = fragments.length > 0 && !beginsFrame(fragments[0]);
  return joinedBytes(fragments.slice(hasTable ? 1 : 0));
}

/**
 * The film's values, rows x columns x samples, and its missing rows: {values, missingRows}. Three samples are red,
 * green and blue; missingRows is null if the film is complete.
 */
export async function decodedValues(bytes, value, head, syntax, codecs) {
  const allocated = head.short(TAGS.allocated) ?? 0;
  if (!CODINGS[syntax]) {
    if (isEncapsulated(bytes, value) && value.length === UNDEFINED) throw unreadable("compressed pixels in an uncompressed transfer syntax");
    const length = nativeBytes(head, value.length);
    if (hasFrames(bytes, value, length)) throw notOneFilm(`${Math.floor(value.length / length)} frames`); // whatever the header says
    const frame = bytes.part(value.start, value.start + Math.min(value.length, length));
    const decoded = native(frame, head, syntax !== BIG, value.vr);
    return { values: filmValues(decoded, allocated, head), missingRows: decoded.missingRows };
  }
  const codestream = codestreamOf(bytes, value, head);
  const coding = codingOf(codestream) ?? CODINGS[syntax];
  if (coding === "encapsulated") return { missingRows: null, values: filmValues(native(codestream.subarray(0, nativeBytes(head, codestream.length)), head, true, value.vr), allocated, head) };
  const frame = frameOf(codestream);
  const decoded = coding === "rle" ? ofRle(codestream, head) : await byCodec(codestream, coding, codecs, head, frame);
  return { values: filmValues(decoded, frame === null ? allocated : frame.bits, head), missingRows: decoded.missingRows ?? null };
}

/** Whether uncompressed pixels are those of several frames of so many bytes, and the others are not empty. */
function hasFrames(bytes, value, length) {
  const isWhole = length > 0 && value.start + value.length <= bytes.length;
  if (!isWhole || value.length <= length + 1 || value.length % length > 1) return false;
  const others = bytes.part(value.start + length, value.start + value.length - (value.length % length));
  return others.some((byte) => byte !== others[0]);
}

async function byCodec(codestream, coding, codecs, head, frame) {
  const decode = codecs[coding];
  if (!decode) throw new FilmError("UnsupportedSyntax", { syntax: `${CODING_NAMES[coding]} (without its decoder in this page)` });
  const [rows, columns, samples] = [head.short(TAGS.rows), head.short(TAGS.columns), frame?.samples ?? head.samples];
  const { words, isRgb, missingRows } = await decode(codestream, { rows, columns, samples });
  if (words.length < rows * columns * samples) throw truncated();
  if (samples < head.samples) return { words: tripled(words.subarray(0, rows * columns)), rows, columns, samples: 3, missingRows };
  const decoded = { words, rows, columns, samples, missingRows };
  return isRgb ? decoded : inRgb(decoded, head.photometric);
}

/** Three equal samples for each of a grey frame. */
function tripled(words) {
  const result = new words.constructor(3 * words.length);
  for (let i = 0; i < words.length; i += 1) result.fill(words[i], 3 * i, 3 * i + 3);
  return result;
}

/** Uncompressed pixels (PS3.5 8.1 and annex D). */
function native(frame, head, little, vr) {
  if (frame.length < nativeBytes(head, frame.length)) throw truncated();
  const isShared = head.photometric === "YBR_FULL_422" && frame.length <= nativeBytes(head);
  const [rows, columns, { samples }] = [head.short(TAGS.rows), head.short(TAGS.columns), head];
  const allocated = head.short(TAGS.allocated);
  const count = rows * columns * (isShared ? 2 : samples);
  let words;
  if (allocated === 1) {
    words = Uint8Array.from({ length: count }, (_, i) => (frame[i >> 3] >> (i & 7)) & 1);
  } else if (allocated === 8) {
    // Big endian words of two samples each are swapped.
    words = !little && vr === "OW" ? Uint8Array.from({ length: count }, (_, i) => frame[i ^ 1]) : frame.subarray(0, count);
  } else {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    words = allocated === 16 ? new Uint16Array(count) : new Uint32Array(count);
    for (let i = 0; i < count; i += 1) words[i] = allocated === 16 ? view.getUint16(2 * i, little) : view.getUint32(4 * i, little);
  }
  const isPlanar = samples === 3 && head.short(TAGS.planar) === 1;
  const missingRows = allocated < 8 || isShared ? null : missingRowsOf(words, isPlanar ? columns : columns * samples);
  if (samples === 3 && isShared) words = upsampled(words);
  else if (isPlanar) words = interleaved(words, rows * columns);
  return inRgb({ words, rows, columns, samples, missingRows }, head.photometric);
}

/** Y Y Cb Cr as twice Y Cb Cr (PS3.3 C.7.6.3.1.2). */
function upsampled(words) {
  const result = new words.constructor((words.length / 2) * 3);
  for (let i = 0, to = 0; i + 3 < words.length; i += 4, to += 6) {
    result.set([words[i], words[i + 2], words[i + 3], words[i + 1], words[i + 2], words[i + 3]], to);
  }
  return result;
}

function interleaved(words, pixels) {
  const result = new words.constructor(3 * pixels);
  for (let i = 0; i < pixels; i += 1) for (let sample = 0; sample < 3; sample += 1) result[3 * i + sample] = words[sample * pixels + i];
  return result;
}

/**
 * Three samples as RGB (PS3.3 C.7.6.3.1.2). Those of a grey film say themselves whether they are RGB or luminance and
 * chroma: some programs convert a film and leave its photometric interpretation as it was.
 */
function inRgb(decoded, photometric) {
  if (decoded.samples !== 3) return decoded;
  const { words } = decoded;
  if (!photometric.startsWith("YBR_FULL")) {
    const isChroma = words instanceof Uint8Array && everyPixel(decoded, (_, second, third) => second === NO_CHROMA && third === NO_CHROMA);
    return isChroma ? { ...decoded, words: words.map((_, i) => words[i - (i % 3)]) } : decoded;
  }
  if (everyPixel(decoded, (first, second, third) => second === first && third === first)) return decoded;
  const rgb = new Uint8ClampedArray(words.length);
  for (let i = 0; i < words.length; i += 3) {
    const [y, cb, cr] = [words[i], words[i + 1] - 128, words[i + 2] - 128];
    rgb[i] = y + 1.402 * cr;
    rgb[i + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgb[i + 2] = y + 1.772 * cb;
  }
  return { ...decoded, words: rgb };
}

/** Whether the three samples of each pixel fulfil a condition, in some of the rows. */
function everyPixel({ words, rows, columns }, condition) {
  for (let row = 0; row < rows; row += ROW_STEP) {
    for (let i = 3 * row * columns; i < 3 * (row + 1) * columns; i += 3) if (!condition(words[i], words[i + 1], words[i + 2])) return false;
  }
  return true;
}

/** The one frame of a compressed value, its fragments joined, whose header agrees with the data set's. */
function codestreamOf(bytes, value, head) {
  const { start, length } = value;
  const bare = length !== UNDEFINED && !isEncapsulated(bytes, value);
  const whole = bytes.part(start, start + length);
  const codestream = bare && codingOf(whole) ? whole : joined(bytes, start, length);
  const frame = frameOf(codestream);
  if (frame) {
    const [rows, columns] = [head.short(TAGS.rows), head.short(TAGS.columns)];
    if (frame.rows !== rows || frame.columns !== columns) {
      throw unreadable(`its header says ${columns} x ${rows}, its frame ${frame.columns} x ${frame.rows}`);
    }
    // Some programs write a grey frame, and a header of colour.
    if (![1, head.samples].includes(frame.samples)) throw unreadable(`its frame holds ${frame.samples} samples per pixel`);
  }
  return codestream;
}

/** Joins the fragments of the only frame (PS3.5 A.4). */
function joined(bytes, start, length) {
  const end = length === UNDEFINED ? bytes.length : Math.min(bytes.length, start + length);
  const items = [];
  let at = start;
  while (bytes.startsWith(ITEM, at) && at + 8 <= end) {
    const size = bytes.number(at + 4, 4, true);
    if (at + 8 + size > bytes.length) throw truncated();
    items.push(bytes.part(at + 8, at + 8 + size));
    at += 8 + size;
    // Padded to an even length, but the padding is not counted.
    if (size % 2 && !bytes.startsWith(ITEM, at) && !bytes.startsWith(SEQUENCE_END, at)) at += 1;
  }
  const hasEnd = bytes.startsWith(SEQUENCE_END, at) || at + 8 <= bytes.length;
  if (items.length && beginsFrame(items[0])) items.unshift(new Uint8Array(0)); // no offset table
  const codestream = joinedBytes(items.slice(1));
  if (!hasEnd && !isComplete(codestream)) throw truncated();
  if (!codestream.length) throw notOneFilm("no pixels");
  const frames = framesIn(items);
  if (frames > 1) throw notOneFilm(`${frames} frames`);
  return codestream;
}

/** Whether a frame ends as it must: with EOI or EOC, or as RLE, whose segments are counted. */
export function isComplete(codestream) {
  let end = codestream.length;
  while (end && codestream[end - 1] === 0) end -= 1;
  return (codestream[end - 2] === 0xff && codestream[end - 1] === 0xd9) || codingOf(codestream) === "rle";
}

/** Frames in an offset table and its fragments: some writers make one entry per fragment. */
function framesIn([table, ...rest]) {
  const fragments = rest.filter((item) => item.length);
  const begun = fragments.filter(beginsFrame).length;
  const entries = table.length >> 2;
  if (entries > 1 && !(begun === 1 && entries <= fragments.length)) return entries;
  return Math.max(begun, 1);
}

/** PS3.5 annex G: a segment for each byte of a sample, the most significant first. */
function ofRle(codestream, head) {
  const [rows, columns, { samples }] = [head.short(TAGS.rows), head.short(TAGS.columns), head];
  const pixels = rows * columns;
  const size = (head.short(TAGS.allocated) ?? 8) >> 3;
  const view = new DataView(codestream.buffer, codestream.byteOffset, codestream.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== samples * size) throw unreadable(`${segments} RLE segments for ${samples} x ${8 * size} bits`);
  const offsets = Array.from({ length: segments }, (_, i) => view.getUint32(4 + 4 * i, true));
  const words = size === 1 ? new Uint8Array(pixels * samples) : size === 2 ? new Uint16Array(pixels * samples) : new Uint32Array(pixels * samples);
  const shift = (segment) => 2 ** (8 * (size - 1 - (segment % size)));
  offsets.forEach((begin, segment) => {
    const plane = unpacked(codestream.subarray(begin, offsets[segment + 1] ?? codestream.length), pixels);
    const sample = Math.floor(segment / size);
    for (let i = 0; i < pixels; i += 1) words[i * samples + sample] += plane[i] * shift(segment);
  });
  return inRgb({ words, rows, columns, samples }, head.photometric);
}

/**
 * PackBits; throws if fewer bytes come out, or more than padding: from a damaged place on, counts and bytes are taken for each other.
 *
 * A last strip of TIFF may be filled up to the height of the others.
 */
export function unpacked(packed, size, filled = size) {
  const plane = new Uint8Array(size);
  let [to, isSpareBlank] = [0, true];
  for (let at = 0; at < packed.length; ) {
    const sign = packed[at];
    const count = sign < 128 ? 1 + sign : sign > 128 ? 257 - sign : 0;
    const isRun = sign > 128;
    const part = packed.subarray(at + 1, at + 1 + (isRun ? 1 : count));
    const length = isRun && part.length ? count : part.length;
    const kept = Math.max(0, Math.min(length, size - to));
    if (isRun) plane.fill(part[0], to, to + kept);
    else if (kept) plane.set(part.subarray(0, kept), to);
    if (length > kept) isSpareBlank &&= part.subarray(isRun ? 0 : kept).every((byte) => byte === 0);
    to += length;
    at += sign === 128 ? 1 : 1 + (isRun ? 1 : count);
  }
  if (to < size) throw truncated();
  if (to > size + SPARE_BYTES && to !== filled && !isSpareBlank) throw unreadable("a part of the RLE data is damaged");
  return plane;
}
