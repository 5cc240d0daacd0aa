// Headers of compressed frames: the same as pneumoscope/images/codestream.py. A frame's own size is compared
// with the DICOM header before it is decoded.

import { Bytes, joinedBytes } from "./bytes.js";

const NO_FRAME = [0xc4, 0xc8, 0xcc]; // DHT, JPG and DAC among the markers C0 to CF
const isStartOfFrame = (marker) => (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.includes(marker)) || marker === 0xf7;
const isWithoutLength = (marker) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
const JPEG_2000 = "\xff\x4f\xff\x51";
const RARE = {
  0xc3: "lossless JPEG",
  0xc5: "hierarchical JPEG",
  0xc6: "hierarchical JPEG",
  0xc7: "hierarchical JPEG",
  0xc9: "JPEG with arithmetic coding",
  0xca: "JPEG with arithmetic coding",
  0xcb: "lossless JPEG",
  0xf7: "JPEG-LS",
};

/** Size of a frame as {rows, columns, samples, bits}; null if its header does not say. */
export function frameOf(data) {
  const bytes = new Bytes(data);
  if (bytes.startsWith(JPEG_2000)) return ofJpeg2000(bytes, 0);
  if (bytes.startsWith("jP  ", 4)) {
    const start = codestreamInBox(bytes);
    return start > 0 ? ofJpeg2000(bytes, start) : null;
  }
  if (!bytes.startsWith("\xff\xd8")) return null;
  const at = startOfFrame(bytes);
  if (at === null) return null;
  return { rows: bytes.number(at + 5, 2), columns: bytes.number(at + 7, 2), samples: data[at + 9], bits: data[at + 4] };
}

/** "jpeg" (8 bits), "jpeg-12", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k", "rle" or null. */
export function codingOf(data) {
  const bytes = new Bytes(data);
  if (bytes.startsWith("\xff\xd8")) {
    const at = startOfFrame(bytes);
    if (at === null) return null;
    const marker = data[at + 1];
    if ([0xc3, 0xc7, 0xcb, 0xcf].includes(marker)) return "jpeg-lossless";
    if (marker === 0xf7) return "jpeg-ls";
    return data[at + 4] <= 8 ? "jpeg" : "jpeg-12";
  }
  const start = bytes.startsWith("jP  ", 4) ? Math.max(0, codestreamInBox(bytes)) : 0;
  if (bytes.startsWith(JPEG_2000, start)) return data[start + 6] & 0x40 ? "htj2k" : "jpeg-2000";
  const segments = bytes.number(0, 4, true);
  return segments >= 1 && segments <= 15 && bytes.number(4, 4, true) === 64 ? "rle" : null;
}

/** Whether a fragment begins a frame, even if it is too short to show its coding. */
export function beginsFrame(data) {
  const bytes = new Bytes(data);
  return bytes.startsWith("\xff\xd8\xff") || bytes.startsWith(JPEG_2000) || bytes.startsWith("jP  ", 4) || codingOf(data) === "rle";
}

/** The JPEG process in words if few decoders know it; "" for files of 8 bits with Huffman coding. */
export function rareProcess(data) {
  const at = startOfFrame(new Bytes(data));
  if (at === null) return "";
  if (data[at + 5] === 0 && data[at + 6] === 0) return "JPEG that states its height behind its data"; // DNL, clause B.2.5
  const usual = data[at + 4] === 8 ? "" : `JPEG with ${data[at + 4]} bits per sample`;
  return RARE[data[at + 1]] ?? usual;
}

/** A JPEG codestream without the zero bytes between its last coded byte and EOI (FF D9). */
export function withoutZerosBeforeEnd(data) {
  const before = (end) => data.findLastIndex((byte, at) => at < end && byte !== 0) + 1;
  const end = before(data.length);
  if (data[end - 2] !== 0xff || data[end - 1] !== 0xd9) return data;
  const coded = before(end - 2);
  return joinedBytes([data.subarray(0, coded), data.subarray(end - 2, end)]);
}

/** The position of the codestream in a JP2 file; -1 without one. */
export function codestreamInBox(bytes) {
  for (let at = 0; at + 4 <= bytes.length; at += 1) {
    if (bytes.data[at] === 0xff && bytes.startsWith(JPEG_2000, at)) return at;
  }
  return -1;
}

/** Position of the marker that begins the frame header of a JPEG, or null. */
function startOfFrame(bytes) {
  let at = 2;
  while (at + 10 <= bytes.length) {
    if (bytes.data[at] !== 0xff) return null;
    const marker = bytes.data[at + 1];
    if (marker === 0xff) at += 1; // fill byte
    else if (isWithoutLength(marker)) at += 2;
    else if (isStartOfFrame(marker)) return at;
    else if (marker === 0xd9 || marker === 0xda) return null;
    else at += 2 + bytes.number(at + 2, 2);
  }
  return null;
}

/** ITU-T T.800 A.5.1. */
function ofJpeg2000(bytes, start) {
  if (bytes.length - start < 43) return null;
  const [right, bottom, left, top] = [8, 12, 16, 20].map((at) => bytes.number(start + at, 4));
  const samples = bytes.number(start + 40, 2);
  return { rows: bottom - top, columns: right - left, samples, bits: 1 + (bytes.data[start + 42] & 0x7f) };
}
