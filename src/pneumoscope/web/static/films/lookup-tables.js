// Lookup tables of DICOM films, scaled by the entries that they contain: the same as
// pneumoscope/images/lookup_tables.py, which says why.

import { LUT_DATA, LUT_DESCRIPTOR, PALETTES, TAGS } from "./dicom-header.js";
import { unreadable } from "./problems.js";
import { halfToEven } from "./resampling.js";

const MOST_ENTRIES = 65536; // PS3.3 C.11.1.1.1: a count of 0 stands for 2^16
const FEW_MISSING = 0.1;
const [DISCRETE, LINEAR, INDIRECT] = [0, 1, 2]; // PS3.3 C.7.9.2.1 to C.7.9.2.3

const bitLength = (value) => (value ? 32 - Math.clz32(value) : 0);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);

/** A table: `of(value)` looks a value up. */
export class Lut {
  constructor(first, entries) {
    this.first = first;
    this.entries = entries;
    this.bits = bitLength(largest(entries));
  }

  #index(value) {
    return Math.min(this.entries.length - 1, Math.max(0, halfToEven(value) - this.first));
  }

  of(value) {
    return this.entries[this.#index(value)];
  }

  /** Least and greatest output for inputs between two. */
  rangeOf([low, high]) {
    const used = this.entries.slice(this.#index(low), this.#index(high) + 1);
    return [used.reduce((least, value) => Math.min(least, value), Infinity), used.reduce((most, value) => Math.max(most, value), -Infinity)];
  }
}

/** A modality or VOI LUT from its item, or null; inputs are the least and greatest value that is looked up. */
export function lutOf(item, signed, inputs) {
  if (!item) return null;
  const [stated, second, bits, ...more] = item.shorts(LUT_DESCRIPTOR);
  if (bits === undefined || more.length) return null;
  const count = stated || MOST_ENTRIES;
  let entries = entriesOf(item, LUT_DATA, count, bits);
  const vr = item.vr(LUT_DESCRIPTOR);
  const isSigned = vr === "SS" || (vr !== "US" && signed);
  const first = fittingFirst(isSigned && second >= 0x8000 ? second - 0x10000 : second, entries.length, inputs);
  if (first + entries.length <= inputs[1]) entries = withOthers(item, count, entries);
  if (entries.length < count) {
    const reaches = first + entries.length > inputs[1];
    if (entries.length < 2 || !(reaches || count - entries.length <= Math.trunc(FEW_MISSING * count))) return null;
  }
  const flat = entries.length > 1 && entries.every((entry) => entry === entries[0]);
  return flat || !entries.some((entry) => entry) ? null : new Lut(first, entries);
}

/** The entries that are there, at most `count`: words, or bytes packed in words. */
function entriesOf(item, tag, count, bits) {
  const size = item.bytes(tag).length;
  if (count > 1 && (size === count || size === count + (count % 2))) {
    const packed = Array.from(bytesOf(item, tag).subarray(0, count));
    const rises = packed.every((value, i) => !i || value >= packed[i - 1]);
    const falls = packed.every((value, i) => !i || value <= packed[i - 1]);
    if (bits <= 8 || rises || falls) return packed;
  }
  return Array.from(item.shorts(tag).subarray(0, count));
}

/** The entries of a table with those that are there beyond the `count` stated, for a film that needs them. */
function withOthers(item, count, entries) {
  const words = item.shorts(LUT_DATA).subarray(0, MOST_ENTRIES);
  let end = words.length;
  while (end > count && words[end - 1] === 0) end -= 1; // zeros at the end fill the table up
  return end > count ? Array.from(words.subarray(0, end)) : entries;
}

/** A value as bytes, in their order: in big endian the two bytes of a word are swapped. */
function bytesOf(item, tag) {
  const raw = item.bytes(tag);
  if (item.isLittle(tag) || ["OB", "UN"].includes(item.vr(tag))) return raw;
  return Uint8Array.from({ length: raw.length & ~1 }, (_, i) => raw[i ^ 1]);
}

/** The first input value: as stored, else with the other sign, else the usual one. */
function fittingFirst(first, count, [least, most]) {
  const fits = [first, first - 0x10000, first + 0x10000].find((value) => value <= most && value + count > least);
  if (fits !== undefined) return fits;
  const usual = [0, -Math.floor(count / 2)].find((value) => value <= least && most < value + count);
  return usual ?? Math.trunc(least);
}

/** A palette's colours: {first, colours: [[red, green, blue] in [0, 1]]}. */
export function paletteOf(head, inputs) {
  const channels = [0, 1, 2].map((channel) => paletteChannel(head, channel));
  const count = Math.min(...channels.map((entries) => entries.length));
  if (!count) throw unreadable("its palette is incomplete");
  const descriptors = [0, 1, 2].map((channel) => head.shorts(PALETTES[channel]));
  let first = descriptors[0][1];
  if ((head.vr(PALETTES[0]) === "SS" || head.isSigned) && first >= 0x8000) first -= 0x10000;
  const needed = bitLength(Math.max(...channels.map((entries) => largest(entries.slice(0, count)))));
  const stated = Math.min(16, Math.max(...descriptors.map((descriptor) => descriptor[2])));
  let bits = Math.max(needed, stated);
  if (needed <= 8) bits = 8;
  else if (needed <= 12 && stated > 12) bits = needed;
  const scale = 2 ** bits - 1;
  const colours = Array.from({ length: count }, (_, i) => channels.map((entries) => Math.fround(entries[i] / scale)));
  return { first: fittingFirst(first, count, inputs), colours };
}

function paletteChannel(head, channel) {
  const descriptor = head.shorts(PALETTES[channel]);
  if (descriptor.length !== 3) return [];
  const count = descriptor[0] || MOST_ENTRIES;
  const [table, segments] = [PALETTES[3 + channel], PALETTES[6 + channel]];
  if (head.bytes(table).length) return entriesOf(head, table, count, descriptor[2]);
  const words = Array.from(head.shorts(segments));
  if (descriptor[2] > 8) return expanded(words, count, 2);
  const packed = expanded(Array.from(bytesOf(head, segments)), count, 1);
  if (packed.length === count) return packed;
  const wide = expanded(words, count, 2);
  return wide.length > packed.length ? wide : packed;
}

/** The entries that segments describe (PS3.3 C.7.9.2), at most `count`; `size` is the bytes of a value. */
function expanded(values, count, size) {
  const entries = [];
  const offsetUnits = 4 / size;
  const expand = (start, most) => {
    let at = start;
    for (let left = most; at + 1 < values.length && entries.length < count && left > 0; left -= 1) {
      const [opcode, length] = [values[at], values[at + 1]];
      at += 2;
      if (opcode === DISCRETE) {
        entries.push(...values.slice(at, at + length));
        at += length;
      } else if (opcode === LINEAR && entries.length && at < values.length) {
        const from = entries.at(-1);
        for (let i = 1; i <= length; i += 1) entries.push(halfToEven(from + (i * (values[at] - from)) / length));
        at += 1;
      } else if (opcode === INDIRECT && most === Infinity && at + offsetUnits <= values.length) {
        const offset = values.slice(at, at + offsetUnits).reduceRight((sum, part) => sum * 256 ** size + part, 0);
        expand(Math.floor(offset / size), length);
        at += offsetUnits;
      } else {
        return; // damaged, or padding
      }
    }
  };
  expand(0, Infinity);
  return entries.slice(0, count);
}

/** The part of a header that decides how values are looked up: {modality, voi}, see `_look` in Python. */
export function tablesOf(head, stored) {
  const slope = head.number(TAGS.slope, 1) || 1;
  const intercept = head.number(TAGS.intercept, 0);
  const modality = lutOf(head.firstItem(TAGS.modalityLuts), head.isSigned, stored);
  const ends = modality ? modality.rangeOf(stored) : stored.map((value) => value * slope + intercept);
  const voi = lutOf(head.firstItem(TAGS.voiLuts), head.isSigned, [Math.min(...ends), Math.max(...ends)]);
  return { slope, intercept, modality, voi };
}
