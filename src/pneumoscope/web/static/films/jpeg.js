// JPEG with Huffman coding, sequential (8 and 12 bits) or progressive (ITU-T T.81): segments by this module,
// coefficients by jpeg-scan.js, samples by idct.js. A canvas would do for most films, but decoders differ in the
// last grey level, and a browser fills what is damaged or missing with grey without a word.

import { samplesOf } from "./idct.js";
import { EndOfScan, huffmanTable, Scan, ZIGZAG } from "./jpeg-scan.js";
import { rareCoding, truncated, unreadable } from "./problems.js";
import { tintOf } from "./sample-grey.js";

const [SOI, EOI, SOS, DQT, DHT, DRI, APP0, APP14] = [0xd8, 0xd9, 0xda, 0xdb, 0xc4, 0xdd, 0xe0, 0xee];
const SEQUENTIAL = [0xc0, 0xc1];
const PROGRESSIVE = 0xc2;
const STRUCTURE = [...SEQUENTIAL, PROGRESSIVE, SOS]; // segments that no film has begun a second time without data
const MOST_MISSING = 0.01; // share of the rows, see pneumoscope/images/jpeg_end.py

/**
 * The luminance of a JPEG at 1/`by` of its size, by the arithmetic of libjpeg.
 *
 * @param {Uint8Array} data
 * @param {1|2|4|8} by
 * @returns {{levels: Uint8Array|Uint16Array, rows: number, columns: number, bits: number, tint: number,
 *   missingRows: number|null}|null}  null for colours that are neither grey nor YCbCr.
 */
export function luminanceOf(data, by = 1) {
  const decoder = new Decoder(data);
  const { frame } = decoder;
  if (!decoder.isLuminance) {
    if (decoder.missingRows !== null) throw truncated();
    return null;
  }
  const [first, ...chroma] = frame.components;
  const rows = Math.ceil(frame.rows / by);
  const columns = Math.ceil(frame.columns / by);
  const levels = samplesOf(first, { rows, columns, size: 8 / by, bits: frame.bits });
  return { levels, rows, columns, bits: frame.bits, tint: chroma.length ? tintOfChroma({ levels, rows, columns }, chroma, frame) : 0, missingRows: decoder.missingRows };
}

/** Refuses a JPEG of which a part is missing or damaged: a browser fills it with grey. */
export function checkComplete(data) {
  if (new Decoder(data).missingRows !== null) throw truncated();
}

/** The mean difference of red or blue from green, see `FilmFacts` in Python, at the places of the blue chroma. */
function tintOfChroma(grey, [blue, red], frame) {
  const [cb, cr] = [blue, red].map((component) => {
    const [rows, columns] = [Math.ceil(frame.rows * component.v / frame.v), Math.ceil(frame.columns * component.h / frame.h)];
    return { rows, columns, samples: samplesOf(component, { rows, columns, size: 8, bits: frame.bits }) };
  });
  let [most, redSum, blueSum] = [0, 0, 0];
  for (let row = 0, i = 0; row < cb.rows; row += 1) {
    const from = Math.floor((row * grey.rows) / cb.rows) * grey.columns;
    for (let column = 0; column < cb.columns; column += 1, i += 1) {
      const [b, r] = [cb.samples[i] - 128, cr.samples[Math.min(i, cr.samples.length - 1)] - 128];
      if (!b && !r) continue;
      most = Math.max(most, Math.abs(b), Math.abs(r));
      const y = grey.levels[from + Math.floor((column * grey.columns) / cb.columns)];
      const g = shown(y - 0.344136 * b - 0.714136 * r);
      redSum += Math.abs(shown(y + 1.402 * r) - g);
      blueSum += Math.abs(shown(y + 1.772 * b) - g);
    }
  }
  return tintOf(most, Math.max(redSum, blueSum) / cb.samples.length);
}

/** A level of a pixel, rounded down as by Pillow: in black and in white, chroma makes less of a difference. */
const shown = (value) => Math.min(255, Math.max(0, Math.floor(value)));

class Decoder {
  frame = null;
  missingRows = null;
  #quantization = [];
  #huffman = new Map();
  #restart = 0;
  #jfif = false;
  #adobe = null; // colour transform of APP14

  constructor(data) {
    this.data = data;
    this.#read();
  }

  /** Whether the first component is the luminance: grey, or YCbCr by libjpeg's rules (jdapimin.c). */
  get isLuminance() {
    const { components, h, v } = this.frame;
    if (components[0].h !== h || components[0].v !== v) return false;
    if (components.length === 1) return true;
    if (components.length !== 3) return false;
    if (this.#jfif) return true;
    if (this.#adobe !== null) return this.#adobe !== 0;
    const ids = components.map(({ id }) => id).join();
    return ids !== "82,71,66" && ids !== "114,103,98";
  }

  #number(at) {
    return (this.data[at] << 8) | this.data[at + 1];
  }

  #read() {
    const { data } = this;
    let at = 2;
    let scans = 0;
    for (;;) {
      if (at + 2 > data.length) break; // EOI is missing
      if (data[at] !== 0xff) throw unreadable("damaged JPEG data: bytes between its segments");
      const marker = data[at + 1];
      if (marker === 0xff) at += 1;
      else if (marker === EOI) break;
      else if (marker === SOI) throw unreadable("damaged JPEG data: two SOI markers");
      else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
      else {
        const end = at + 4 > data.length ? Infinity : at + 2 + this.#number(at + 2);
        if (end > data.length) throw scans && STRUCTURE.includes(marker) ? unreadable("damaged JPEG data: a segment's length") : truncated();
        if (marker === SOS) {
          scans += 1;
          at = this.#scan(at + 4, end);
          if (this.missingRows !== null) break;
        } else {
          this.#segment(marker, at + 4, end);
          at = end;
        }
      }
    }
    if (!scans) throw truncated();
    if (at + 2 > data.length) this.missingRows ??= 0;
    this.#checkComplete();
  }

  #segment(marker, at, end) {
    if (marker === DQT) this.#quantizationTables(at, end);
    else if (marker === DHT) this.#huffmanTables(at, end);
    else if (marker === DRI) this.#restart = this.#number(at);
    else if (marker === APP0) this.#jfif ||= this.data[at] === 0x4a && this.data[at + 1] === 0x46 && this.data[at + 2] === 0x49;
    else if (marker === APP14 && end - at >= 12 && this.data[at] === 0x41) this.#adobe = this.data[at + 11];
    else if (SEQUENTIAL.includes(marker) || marker === PROGRESSIVE) this.#startOfFrame(marker, at);
  }

  #quantizationTables(start, end) {
    for (let at = start; at < end; ) {
      const [wide, id] = [this.data[at] >> 4, this.data[at] & 15];
      at += 1;
      const table = new Uint16Array(64);
      for (let i = 0; i < 64; i += 1) {
        table[ZIGZAG[i]] = wide ? this.#number(at) : this.data[at];
        at += wide ? 2 : 1;
      }
      this.#quantization[id] = table;
    }
  }

  #huffmanTables(start, end) {
    for (let at = start; at + 17 <= end; ) {
      const id = this.data[at];
      const counts = this.data.subarray(at + 1, at + 17);
      const total = counts.reduce((sum, count) => sum + count, 0);
      this.#huffman.set(id, huffmanTable(counts, this.data.subarray(at + 17, at + 17 + total)));
      at += 17 + total;
    }
  }

  #startOfFrame(marker, at) {
    if (this.frame) throw unreadable("damaged JPEG data: two frames");
    const [bits, rows, columns, count] = [this.data[at], this.#number(at + 1), this.#number(at + 3), this.data[at + 5]];
    if (bits !== 8 && (bits !== 12 || marker === PROGRESSIVE)) throw rareCoding(`JPEG with ${bits} bits per sample`);
    const components = Array.from({ length: count }, (_, i) => {
      const [id, sampling, table] = this.data.subarray(at + 6 + 3 * i, at + 9 + 3 * i);
      return { id, h: sampling >> 4, v: sampling & 15, table };
    });
    const [h, v] = ["h", "v"].map((key) => Math.max(...components.map((component) => component[key])));
    if (!count || !rows || !columns || components.some((c) => !c.h || !c.v || c.h > 4 || c.v > 4)) throw unreadable("damaged JPEG data: its frame");
    const mcus = { down: Math.ceil(rows / (8 * v)), across: Math.ceil(columns / (8 * h)) };
    for (const component of components) {
      component.blocksDown = Math.ceil((rows * component.v) / v / 8);
      component.blocksAcross = Math.ceil((columns * component.h) / h / 8);
      component.stride = mcus.across * component.h;
      component.coefficients = new Int16Array(64 * component.stride * mcus.down * component.v);
      component.lowest = new Uint8Array(64).fill(99); // the lowest bit that came of each coefficient
      component.dc = 0;
    }
    this.frame = { rows, columns, bits, h, v, components, mcus, progressive: marker === PROGRESSIVE };
  }

  /** Reads a scan; returns the position of the marker behind it. */
  #scan(start, end) {
    const { data, frame } = this;
    if (!frame) throw unreadable("damaged JPEG data: a scan without a frame");
    const count = data[start];
    const parts = Array.from({ length: count }, (_, i) => {
      const [id, tables] = data.subarray(start + 1 + 2 * i, start + 3 + 2 * i);
      const component = frame.components.find((one) => one.id === id);
      if (!component) throw unreadable("damaged JPEG data: a scan of no component");
      component.quantization ??= this.#quantization[component.table];
      return { component, dc: this.#huffman.get(tables >> 4), ac: this.#huffman.get(16 + (tables & 15)) };
    });
    const [first, last, bits] = data.subarray(end - 3, end);
    const range = frame.progressive ? { first, last, high: bits >> 4, low: bits & 15 } : { first: 0, last: 63, high: 0, low: 0 };
    if (range.last > 63 || range.first > range.last) throw unreadable("damaged JPEG data: a scan's coefficients");
    const scan = new Scan(data, end, parts, range, frame, this.#restart);
    try {
      scan.read();
    } catch (error) {
      if (!(error instanceof EndOfScan)) throw error;
      this.missingRows = frame.rows - scan.firstMissingRow();
      // The end of a sequential file with one scan may be missing; the rest is grey.
      if (frame.progressive || count !== frame.components.length || this.missingRows > MOST_MISSING * frame.rows) throw truncated();
    }
    for (const { component } of parts) component.lowest.fill(range.low, range.first, range.last + 1);
    return scan.next();
  }

  /** A progressive file whose later scans are missing decodes without a complaint. */
  #checkComplete() {
    if (!this.frame.components.every(({ lowest, quantization }) => quantization && lowest.every((bit) => bit === 0))) throw truncated();
  }
}
