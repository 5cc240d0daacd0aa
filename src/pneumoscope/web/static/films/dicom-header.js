// The data elements of a DICOM film that are read, and no others: the same as pneumoscope/images/header.py and
// file_meta.py. Names and identifiers are never decoded.

import { Bytes, latin1 } from "./bytes.js";
import { elementAt, elements, EndOfData, endOf, firstItem, isVr, layoutOf, tagAt } from "./dicom-elements.js";

/** Tags by name (PS3.6 chapter 6). */
export const TAGS = {
  sopClass: 0x00080016, modality: 0x00080060, intent: 0x00080068,
  age: 0x00101010, bodyPart: 0x00180015, imagerSpacing: 0x00181164, view: 0x00185101,
  orientation: 0x00200020, seriesLaterality: 0x00200060, laterality: 0x00200062,
  samples: 0x00280002, photometric: 0x00280004, planar: 0x00280006, frames: 0x00280008,
  rows: 0x00280010, columns: 0x00280011, spacing: 0x00280030,
  allocated: 0x00280100, stored: 0x00280101, highBit: 0x00280102, signed: 0x00280103,
  padding: 0x00280120, paddingLimit: 0x00280121,
  center: 0x00281050, width: 0x00281051, intercept: 0x00281052, slope: 0x00281053,
  windowFunction: 0x00281056, modalityLuts: 0x00283000, voiLuts: 0x00283010, shape: 0x20500020,
};
export const LUT_DESCRIPTOR = 0x00283002;
export const LUT_DATA = 0x00283006;
/** Descriptors of red, green and blue, then their entries, then their segments. */
export const PALETTES = [0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223];
/** Names of photometric interpretations by their letters and digits. */
const PHOTOMETRICS = Object.fromEntries(["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422"].map((name) => [name.replace(/[^A-Z0-9]/g, ""), name]));
/** Functional groups (PS3.3 C.7.6.16): shared ones, and those of each frame. */
const GROUPS = [0x52009229, 0x52009230];
/** Their sequences, and what is read from them: Pixel Measures, Frame VOI LUT, Pixel Value Transformation. */
const MACROS = [
  [0x00289110, [TAGS.spacing]],
  [0x00289132, [TAGS.center, TAGS.width, TAGS.windowFunction, TAGS.voiLuts]],
  [0x00289145, [TAGS.intercept, TAGS.slope]],
];
const PIXELS = [0x7fe00008, 0x7fe00009, 0x7fe00010];
const WANTED = new Set([...Object.values(TAGS), ...PALETTES, ...GROUPS]);
/** VRs by which some writers store what must be text, such as a window. */
const BINARY = { FL: ["Float32", 4], FD: ["Float64", 8], US: ["Uint16", 2], SS: ["Int16", 2], UL: ["Uint32", 4], SL: ["Int32", 4] };
const TRANSFER_SYNTAX = 0x00020010;
const PREAMBLE = 128;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Raw elements by tag; absent or invalid ones give null, or nothing. */
export class Header {
  /** values: Map of tag to {vr, raw: Uint8Array, layout} */
  constructor(values) {
    this.values = values;
  }

  /** The first value of a text element, or null. */
  text(tag) {
    return latin1(this.bytes(tag)).split("\\")[0].replace(/^[ \0]+|[ \0]+$/g, "") || null;
  }

  /** All values of a DS or IS element, also of a binary one; none if any of them is not a finite number. */
  numbers(tag) {
    const [kind, size] = BINARY[this.vr(tag)] ?? [];
    if (kind) {
      const raw = this.bytes(tag);
      const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
      const stored = Array.from({ length: Math.floor(raw.length / size) }, (_, i) => view[`get${kind}`](size * i, this.isLittle(tag)));
      return stored.every(Number.isFinite) ? stored : [];
    }
    const parts = latin1(this.bytes(tag)).replaceAll("\0", "").replaceAll(",", ".").split("\\").map((part) => part.trim()).filter(Boolean);
    if (!parts.every((part) => NUMBER.test(part))) return [];
    const values = parts.map(Number);
    return values.every(Number.isFinite) ? values : [];
  }

  number(tag, fallback) {
    return this.numbers(tag)[0] ?? fallback;
  }

  /** The first value of a US or SS element, or null. */
  short(tag, signed = false) {
    const [value] = this.shorts(tag);
    if (value === undefined) return null;
    return signed && value >= 0x8000 ? value - 0x10000 : value;
  }

  /** All values of a US, SS or OW element, read as unsigned; also if written as UL, SL or IS. */
  shorts(tag) {
    const vr = this.vr(tag);
    if (["IS", "DS"].includes(vr)) return Uint16Array.from(this.numbers(tag).filter((value) => value >= 0 && value < 65536));
    const raw = this.bytes(tag);
    const little = this.isLittle(tag);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    if (["UL", "SL"].includes(vr)) return Uint16Array.from({ length: raw.length >> 2 }, (_, i) => view.getUint32(4 * i, little));
    return Uint16Array.from({ length: raw.length >> 1 }, (_, i) => view.getUint16(2 * i, little));
  }

  isLittle(tag) {
    return this.values.get(tag)?.layout.little ?? true;
  }

  bytes(tag) {
    return this.values.get(tag)?.raw ?? new Uint8Array(0);
  }

  vr(tag) {
    return this.values.get(tag)?.vr ?? null;
  }

  /** The first item of a sequence; null if it is damaged, too. */
  firstItem(tag) {
    const value = this.values.get(tag);
    if (!value) return null;
    try {
      const content = new Bytes(value.raw);
      const [inside, layout] = firstItem(content, value.layout);
      if (!inside.length) return null;
      return new Header(new Map(inside.map((e) => [e.tag, { vr: e.vr, raw: content.part(e.start, e.start + e.length), layout }])));
    } catch (error) {
      if (error instanceof EndOfData) return null;
      throw error;
    }
  }

  get photometric() {
    const text = (this.text(TAGS.photometric) ?? (this.short(TAGS.samples) === 3 ? "RGB" : "MONOCHROME2")).toUpperCase();
    return PHOTOMETRICS[text.replace(/[^A-Z0-9]/g, "")] ?? text;
  }

  get samples() {
    return this.short(TAGS.samples) || 1;
  }

  get isSigned() {
    return this.short(TAGS.signed) === 1;
  }

  /** Bits Stored, by default Bits Allocated; 0 if the header has neither. */
  get storedBits() {
    return this.short(TAGS.stored) ?? this.short(TAGS.allocated) ?? 0;
  }

  /** Least and greatest stored value outside the image, or null. */
  get padding() {
    const first = this.short(TAGS.padding, this.isSigned);
    if (first === null) return null;
    const last = this.short(TAGS.paddingLimit, this.isSigned) ?? first;
    return [Math.min(first, last), Math.max(first, last)];
  }
}

/** The wanted elements of a data set, and where its pixel data element begins: {head, at}. */
export function parsed(bytes, start, layout) {
  const values = new Map();
  const end = bytes.length;
  for (const element of elements(bytes, start, end, layout)) {
    if (PIXELS.includes(element.tag)) {
      // An element begins where the one before it ended.
      return { head: new Header(withGroups(values)), at: beginOf(bytes, element, layout) };
    }
    const after = endOf(bytes, element, end, layout);
    if (WANTED.has(element.tag)) values.set(element.tag, { vr: element.vr, raw: bytes.part(element.start, after), layout });
  }
  return { head: new Header(withGroups(values)), at: end };
}

/** The elements, and those that objects of several frames, of which this has one, keep in functional groups. */
function withGroups(values) {
  const inside = new Map();
  for (const tag of GROUPS) {
    const group = new Header(values).firstItem(tag);
    for (const [macro, wanted] of MACROS) {
      const item = group?.firstItem(macro);
      for (const [key, value] of item?.values ?? []) if (wanted.includes(key)) inside.set(key, value);
    }
  }
  const stated = [...values].filter(([tag, { raw }]) => raw.length || !inside.has(tag));
  return new Map([...inside, ...stated]);
}

/** The position of an element's tag. */
function beginOf(bytes, { tag, start }, { little }) {
  return tagAt(bytes, start - 8, little) === tag ? start - 8 : start - 12;
}

/** Transfer Syntax UID (0002,0010), or null, and where the data set begins: {declared, start}. */
export function fileMeta(bytes) {
  let declared = null;
  let at = afterPrefix(bytes, 0);
  while (at + 8 <= bytes.length) {
    const layout = layoutOf(bytes, at);
    if (tagAt(bytes, at, layout.little) >>> 16 !== 0x0002) {
      const again = afterPrefix(bytes, at);
      if (again === at) break;
      at = again;
      continue;
    }
    let element;
    try {
      element = elementAt(bytes, at, bytes.length, layout);
      at = endOf(bytes, element, bytes.length, layout);
    } catch (error) {
      if (error instanceof EndOfData) return { declared, start: bytes.length };
      throw error;
    }
    if (element.tag === TRANSFER_SYNTAX) declared ??= bytes.text(element.start, at).replace(/^[ \0]+|[ \0]+$/g, "") || null;
  }
  return { declared, start: at };
}

/** Position behind a preamble and prefix; either may be missing. */
function afterPrefix(bytes, at) {
  for (const start of [at + PREAMBLE, at]) if (bytes.startsWith("DICM", start)) return start + 4;
  const bare = at + PREAMBLE;
  const blank = at === 0 && bytes.length > bare && bytes.part(0, bare).every((byte) => byte === 0);
  return blank && isElement(bytes, bare, layoutOf(bytes, bare)) ? bare : at;
}

/** Whether an element of the first groups with a VR begins at a position. */
export function isElement(bytes, at, layout) {
  const group = tagAt(bytes, at, layout.little) >>> 16;
  return group >= 0x0002 && group <= 0x0010 && isVr(bytes.text(at + 4, at + 6));
}
