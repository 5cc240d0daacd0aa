// Whether a JPEG 2000 codestream is complete: the same as pneumoscope/images/jpeg_2000.py. Clauses are those of ITU-T T.800.

import { Bytes, holdsRun } from "./bytes.js";
import { truncated, unreadable } from "./problems.js";

const [SIZ, COD, SOT, SOD, EOC] = [0x51, 0x52, 0x90, 0x93, 0xd9];
const [SOP, EPH, SOP_BYTES] = [0x91, 0x92, 6];
const HIGH_THROUGHPUT = 0x40;
const BYPASS = 0x01;
const [CODED_ZEROS, RAW_ZEROS] = [64, 1024];
const BEGINNING = [0xff, 0x4f, 0xff, SIZ]; // SOC and SIZ

/** Refuses a codestream, or a JP2 file with one, of which a tile or a part of the data is missing. */
export function checkJpeg2000(file) {
  const start = file.findIndex((_, i) => BEGINNING.every((byte, k) => file[i + k] === byte));
  if (start < 0) return;
  const data = file.subarray(start);
  const bytes = new Bytes(data);
  const head = headOf(bytes);
  if (head === null) return;
  const parts = tilePartsOf(bytes, head.parts);
  if (new Set(parts.map(({ tile }) => tile)).size < head.tiles) throw truncated();
  // Headers, and what is behind the end, may have long runs.
  for (const { begin, end } of parts) {
    const body = data.subarray(begin, end);
    if (holdsMarker(body)) throw unreadable("a part of the JPEG 2000 data is damaged");
    const hasZeros = head.mostZeros !== null && holdsRun(body, 0, head.mostZeros + 1);
    if (hasZeros) throw unreadable("a part of the JPEG 2000 data is damaged");
  }
}

/** Whether FF is followed by more than 8F, which data never has (B.10.1, C.2.2) but behind SOD, in SOP and in EPH (A.8). */
function holdsMarker(body) {
  let at = body.indexOf(0xff, 2);
  while (at >= 0) {
    const isSop = body[at + 1] === SOP;
    if (body[at + 1] > 0x8f && !isSop && body[at + 1] !== EPH) return true;
    at = body.indexOf(0xff, at + (isSop ? SOP_BYTES : 1)); // the number in it may be any
  }
  return false;
}

/** What the main header says (annex A); null if it is broken, which a decoder says better. */
function headOf(bytes) {
  let [at, size, coding] = [2, null, null];
  while (at + 4 <= bytes.length && bytes.number(at, 1, false) === 0xff && bytes.number(at + 1, 1, false) !== SOT) {
    const length = bytes.number(at + 2, 2, false);
    const body = bytes.part(at + 4, at + 2 + length);
    if (bytes.number(at + 1, 1, false) === SIZ) size = new Bytes(body);
    else if (bytes.number(at + 1, 1, false) === COD) coding = body;
    at += 4 + body.length;
  }
  if (!size || size.length < 36 || !coding || coding.length < 10 || bytes.number(at, 2, false) !== 0xff00 + SOT) return null;
  const [right, bottom, , , width, height, left, top] = Array.from({ length: 8 }, (_, i) => size.number(2 + 4 * i, 4, false));
  if (!width || !height) return null;
  const tiles = Math.ceil((right - left) / width) * Math.ceil((bottom - top) / height);
  const area = [Math.min(width, right), Math.min(height, bottom)];
  const mostZeros = coding[8] & HIGH_THROUGHPUT ? null : mostZerosOf(area, size.number(34, 2, false), coding);
  return { parts: at, tiles, mostZeros };
}

/** Zero bytes that a tile may have in a row: packets without data, and blocks that a packet passes over (B.10). */
function mostZerosOf(area, components, coding) {
  const [layers, levels] = [256 * coding[2] + coding[3], coding[5]];
  let [packets, blocks] = [0, 0];
  for (let level = 0; level <= levels; level += 1) {
    const size = coding[0] & 1 ? (coding[10 + levels - level] ?? 0xff) : 0xff;
    const [width, height] = area.map((side) => Math.ceil(side / 2 ** level));
    const precincts = (Math.ceil(width / 2 ** (size & 15)) + 1) * (Math.ceil(height / 2 ** (size >> 4)) + 1);
    packets += precincts;
    blocks += Math.ceil((width * height) / 2 ** (coding[6] + coding[7] + 4)) + precincts;
  }
  return components * (layers * packets + Math.floor(blocks / 8)) + (coding[8] & BYPASS ? RAW_ZEROS : CODED_ZEROS);
}

/** The tile-parts (A.4.2): the number of the tile, and where the compressed data begins and ends. */
function tilePartsOf(bytes, start) {
  const parts = [];
  for (let at = start, length; bytes.number(at, 2, false) === 0xff00 + SOT && at + 12 <= bytes.length; at += length) {
    const tile = bytes.number(at + 4, 2, false);
    length = bytes.number(at + 6, 4, false);
    const isLast = length < 12; // 0: up to the end
    let [begin, end] = [at + 12, isLast ? bytes.length : Math.min(at + length, bytes.length)];
    while (begin + 4 <= end && bytes.number(begin, 1, false) === 0xff && bytes.number(begin + 1, 1, false) !== SOD) {
      begin += 2 + bytes.number(begin + 2, 2, false);
    }
    if (isLast) end = begin + endOf(bytes.data.subarray(begin));
    parts.push({ tile, begin, end });
    if (isLast) break;
  }
  return parts;
}

/** Where compressed data has its end marker, or ends without it. */
function endOf(body) {
  const at = body.findIndex((byte, i) => byte === 0xff && body[i + 1] === EOC);
  return at < 0 ? body.length : at;
}
