// PNG: its checksums, and grey of 16 bits, of which a canvas would keep 8.

import { Bytes, inflated, joinedBytes } from "./bytes.js";
import { truncated, unreadable } from "./problems.js";

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const GREY = 0;
/** Adam7 (PNG 8.2): first row and column, and the steps between rows and columns, of each pass. */
const PASSES = [[0, 0, 8, 8], [0, 4, 8, 8], [4, 0, 8, 4], [0, 2, 4, 4], [2, 0, 4, 2], [0, 1, 2, 2], [1, 0, 2, 1]];
const WHOLE = [[0, 0, 1, 1]];

/** Size and kind of a PNG, its checksums being right: {rows, columns, depth, colour, interlaced, data}. */
export function checkedPng(data) {
  const bytes = new Bytes(data);
  const parts = [];
  for (let at = 8, kind = ""; kind !== "IEND"; ) {
    const size = bytes.number(at, 4);
    kind = bytes.text(at + 4, at + 8);
    const end = at + 8 + size;
    if (end + 4 > bytes.length) throw truncated();
    if (kind === "acTL") throw unreadable("an animation");
    const isCritical = kind[0] >= "A" && kind[0] <= "Z";
    if (isCritical && crc(bytes.part(at + 4, end)) !== bytes.number(end, 4)) throw unreadable("a checksum is wrong");
    if (kind === "IDAT") parts.push(bytes.part(at + 8, end));
    at = end + 4;
  }
  return { columns: bytes.number(16, 4), rows: bytes.number(20, 4), depth: data[24], colour: data[25], interlaced: data[28] === 1, parts };
}

function crc(part) {
  let value = 0xffffffff;
  for (let i = 0; i < part.length; i += 1) value = CRC[(value ^ part[i]) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

export const isDeepGrey = ({ depth, colour }) => depth === 16 && colour === GREY;

/** The samples of a PNG in grey of 16 bits, Uint16Array. */
export async function deepGrey({ rows, columns, interlaced, parts }) {
  const passes = interlaced ? PASSES : WHOLE;
  let raw;
  try {
    raw = await inflated(joinedBytes(parts), "deflate", 2 * rows * columns + 8 * rows + 2 ** 16);
  } catch {
    throw unreadable("the PNG data is broken");
  }
  const samples = new Uint16Array(rows * columns);
  let at = 0;
  for (const [top, left, down, along] of passes) {
    const [height, width] = [Math.ceil((rows - top) / down), Math.ceil((columns - left) / along)];
    if (height <= 0 || width <= 0) continue;
    const lines = unfiltered(raw, at, height, 2 * width);
    at += height * (2 * width + 1);
    for (let row = 0; row < height; row += 1) {
      for (let i = 0; i < width; i += 1) {
        const from = 2 * (row * width + i);
        samples[(top + row * down) * columns + left + i * along] = lines[from] * 256 + lines[from + 1];
      }
    }
  }
  return samples;
}

/** Rows without their filters (PNG 9.2); two bytes per pixel. */
function unfiltered(raw, start, rows, width) {
  if (start + rows * (width + 1) > raw.length) throw truncated();
  const lines = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    const from = start + row * (width + 1);
    const kind = raw[from];
    const to = row * width;
    for (let i = 0; i < width; i += 1) {
      const left = i >= 2 ? lines[to + i - 2] : 0;
      const above = row ? lines[to + i - width] : 0;
      const corner = row && i >= 2 ? lines[to + i - width - 2] : 0;
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
