// The entropy-coded data of a JPEG (ITU-T T.81, annexes F and G): Huffman codes to coefficients.

import { unreadable } from "./problems.js";

export const ZIGZAG = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);
const LOOKAHEAD = 9; // bits of a code that are looked up at once

/** The coded data of a scan ends before its blocks do. */
export class EndOfScan extends Error {}

/** A table that takes the next bits to [length, value]: short codes at once, long ones bit by bit (annex F.2.2.3). */
export function huffmanTable(counts, values) {
  const fast = new Uint16Array(1 << LOOKAHEAD); // length << 8 | value; 0 for longer codes
  const [most, offset] = [new Int32Array(17).fill(-1), new Int32Array(17)];
  let [code, at] = [0, 0];
  for (let length = 1; length <= 16; length += 1) {
    offset[length] = at - code;
    for (let i = 0; i < counts[length - 1]; i += 1, at += 1, code += 1) {
      if (length > LOOKAHEAD) continue;
      const from = code << (LOOKAHEAD - length);
      fast.fill((length << 8) | values[at], from, from + (1 << (LOOKAHEAD - length)));
    }
    if (counts[length - 1]) most[length] = code - 1;
    if (code > 1 << length) throw unreadable("damaged JPEG data: a Huffman table");
    code <<= 1;
  }
  return { fast, most, offset, values };
}

/** The entropy-coded data of one scan (annexes F and G). */
export class Scan {
  #buffer = 0;
  #bits = 0;
  #skip = 0; // blocks of an end-of-band run
  #place = { row: 0, column: 0, block: 0 }; // of the block that is read: its MCU, and its number in it

  constructor(data, at, parts, range, frame, restart) {
    Object.assign(this, { data, at, parts, range, frame, restart });
  }

  read() {
    const { parts, frame, restart } = this;
    const single = parts.length === 1;
    const [{ component }] = parts;
    const across = single ? component.blocksAcross : frame.mcus.across;
    const down = single ? component.blocksDown : frame.mcus.down;
    const block = this.#blockReader();
    this.#begin();
    for (let unit = 0; unit < across * down; unit += 1) {
      if (restart && unit && unit % restart === 0) this.#nextInterval((unit / restart - 1) & 7);
      const row = Math.floor(unit / across);
      const column = unit - row * across;
      Object.assign(this.#place, { row, column, block: 0 });
      if (single) block(parts[0], 64 * (row * component.stride + column));
      else this.#mcu(block, row, column);
    }
  }

  #mcu(block, row, column) {
    for (const part of this.parts) {
      const { h, v, stride } = part.component;
      for (let i = 0; i < v; i += 1) {
        for (let j = 0; j < h; j += 1) {
          block(part, 64 * ((row * v + i) * stride + column * h + j));
          this.#place.block += 1;
        }
      }
    }
  }

  /** After EndOfScan: the first row of the film whose luminance is incomplete; the first component is the luminance. */
  firstMissingRow() {
    const { row, column, block } = this.#place;
    const { frame, parts } = this;
    if (parts.length === 1) return Math.min(frame.rows, 8 * row);
    const { h, v } = frame;
    if (column + 1 < frame.mcus.across || parts[0].component !== frame.components[0]) return Math.min(frame.rows, 8 * row * v);
    // Blocks to the right of the film do not count.
    const shown = Math.min(h, Math.ceil(frame.columns / 8) - column * h);
    let i = Math.floor(block / h);
    if (i < v && block - i * h >= shown) i += 1;
    return Math.min(frame.rows, 8 * (row * v + i));
  }

  #blockReader() {
    const { progressive } = this.frame;
    const { first, high } = this.range;
    if (!progressive) return (part, at) => this.#sequential(part, at);
    if (first === 0) return high ? (part, at) => this.#dcRefined(part, at) : (part, at) => this.#dcFirst(part, at);
    return high ? (part, at) => this.#acRefined(part, at) : (part, at) => this.#acFirst(part, at);
  }

  #begin() {
    for (const { component } of this.parts) component.dc = 0;
    [this.#buffer, this.#bits, this.#skip] = [0, 0, 0];
  }

  /** Goes to the next restart marker, which must be the expected one. */
  #nextInterval(expected) {
    const { data } = this;
    while (data[this.at] === 0xff && data[this.at + 1] === 0xff) this.at += 1;
    if (this.at + 1 >= data.length) throw new EndOfScan();
    if (data[this.at] !== 0xff || data[this.at + 1] !== 0xd0 + expected) throw unreadable("damaged JPEG data: a restart marker is missing");
    this.at += 2;
    this.#begin();
  }

  /** Position of the marker behind the scan; encoders may fill up with zeros. */
  next() {
    const { data } = this;
    while (this.at < data.length && !(data[this.at] === 0xff && data[this.at + 1] !== 0 && data[this.at + 1] !== 0xff)) {
      if (data[this.at] !== 0 && data[this.at] !== 0xff) throw unreadable("damaged JPEG data: extraneous bytes before a marker");
      this.at += 1;
    }
    return this.at;
  }

  /** Has at least `count` bits in the buffer, at most 16; behind a marker there are none. */
  #fill(count) {
    const { data } = this;
    while (this.#bits < count) {
      const byte = data[this.at];
      if (byte === undefined || (byte === 0xff && data[this.at + 1] !== 0)) throw new EndOfScan();
      this.at += byte === 0xff ? 2 : 1;
      this.#buffer = ((this.#buffer << 8) | byte) & 0xffffff;
      this.#bits += 8;
    }
  }

  #take(count) {
    if (!count) return 0;
    this.#fill(count);
    this.#bits -= count;
    return (this.#buffer >> this.#bits) & ((1 << count) - 1);
  }

  /** A value of so many bits with its sign (F.2.2.1). */
  #signed(count) {
    if (!count) return 0;
    const value = this.#take(count);
    return value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  #symbol(table) {
    if (!table) throw unreadable("damaged JPEG data: a Huffman table is missing");
    const { data } = this;
    // As many bits as there are, up to the lookahead: the last codes of a scan are shorter.
    while (this.#bits < LOOKAHEAD) {
      const byte = data[this.at];
      if (byte === undefined || (byte === 0xff && data[this.at + 1] !== 0)) break;
      this.at += byte === 0xff ? 2 : 1;
      this.#buffer = ((this.#buffer << 8) | byte) & 0xffffff;
      this.#bits += 8;
    }
    const short = this.#bits >= LOOKAHEAD ? (this.#buffer >> (this.#bits - LOOKAHEAD)) & 511 : (this.#buffer << (LOOKAHEAD - this.#bits)) & 511;
    const entry = table.fast[short];
    if (entry) {
      const length = entry >> 8;
      if (length > this.#bits) throw new EndOfScan();
      this.#bits -= length;
      return entry & 255;
    }
    return this.#longSymbol(table);
  }

  #longSymbol({ most, offset, values }) {
    let code = this.#take(LOOKAHEAD);
    for (let length = LOOKAHEAD; length <= 16; length += 1) {
      if (code <= most[length]) return values[offset[length] + code];
      code = (code << 1) | this.#take(1);
    }
    throw unreadable("damaged JPEG data: bad Huffman code");
  }

  #sequential({ component, dc, ac }, at) {
    const { coefficients } = component;
    component.dc += this.#signed(this.#symbol(dc) & 15);
    coefficients[at] = component.dc;
    for (let k = 1; k < 64; k += 1) {
      const symbol = this.#symbol(ac);
      const size = symbol & 15;
      if (!size) {
        if (symbol !== 0xf0) break;
        k += 15;
        continue;
      }
      k += symbol >> 4;
      if (k > 63) throw unreadable("damaged JPEG data: too many coefficients");
      coefficients[at + ZIGZAG[k]] = this.#signed(size);
    }
  }

  #dcFirst({ component, dc }, at) {
    component.dc += this.#signed(this.#symbol(dc) & 15);
    component.coefficients[at] = component.dc << this.range.low;
  }

  #dcRefined({ component }, at) {
    if (this.#take(1)) component.coefficients[at] |= 1 << this.range.low;
  }

  #acFirst({ component, ac }, at) {
    if (this.#skip) {
      this.#skip -= 1;
      return;
    }
    const { first, last, low } = this.range;
    for (let k = first; k <= last; k += 1) {
      const symbol = this.#symbol(ac);
      const [run, size] = [symbol >> 4, symbol & 15];
      if (!size && run < 15) {
        this.#skip = (1 << run) - 1 + this.#take(run);
        return;
      }
      k += run;
      if (k > 63) throw unreadable("damaged JPEG data: too many coefficients");
      if (size) component.coefficients[at + ZIGZAG[k]] = this.#signed(size) * (1 << low);
    }
  }

  #acRefined({ component, ac }, at) {
    const { first, last, low } = this.range;
    const { coefficients } = component;
    const bit = 1 << low;
    let k = first;
    if (!this.#skip) {
      for (; k <= last; k += 1) {
        const symbol = this.#symbol(ac);
        let run = symbol >> 4;
        let value = 0;
        if (symbol & 15) {
          value = this.#take(1) ? bit : -bit;
        } else if (run < 15) {
          this.#skip = (1 << run) + this.#take(run);
          break;
        }
        for (; k <= last; k += 1) {
          const place = at + ZIGZAG[k];
          if (coefficients[place]) this.#corrected(coefficients, place, bit);
          else if (run-- === 0) break;
        }
        if (value && k <= last) coefficients[at + ZIGZAG[k]] = value;
      }
    }
    if (this.#skip) {
      for (; k <= last; k += 1) if (coefficients[at + ZIGZAG[k]]) this.#corrected(coefficients, at + ZIGZAG[k], bit);
      this.#skip -= 1;
    }
  }

  #corrected(coefficients, place, bit) {
    if (this.#take(1) && !(Math.abs(coefficients[place]) & bit)) coefficients[place] += coefficients[place] > 0 ? bit : -bit;
  }
}
