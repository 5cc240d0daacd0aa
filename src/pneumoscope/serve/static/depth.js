// The values of a film at its full depth, and the windows and curves by which they become grey.

import { clamp, FULL_WINDOW } from "./view.js";

const LUNG_SHARES = [0.01, 0.6]; // of the values in the middle of the film: from the darkest to soft tissue
const MIDDLE = 0.1; // of each side that is left out: collimation, air beside the body, letters

/**
 * The grey window that shows lungs well: lungs are the dark part of a chest, so bright bones and the middle of the
 * chest are given up. A rule of thumb, which knows nothing of anatomy.
 */
function lungRange(depth) {
  const { rows, columns, values, padding } = depth;
  const counts = new Uint32Array(depth.top + 1);
  let total = 0;
  const [top, left] = [Math.floor(rows * MIDDLE), Math.floor(columns * MIDDLE)];
  for (let y = top; y < rows - top; y += 1) {
    for (let x = left; x < columns - left; x += 1) {
      const value = values[y * columns + x];
      if (padding && value === 0) continue;
      counts[value] += 1;
      total += 1;
    }
  }
  // On an inverse film the darkest values are the highest.
  const [low, high] = depth.is_inverse ? LUNG_SHARES.map((share) => 1 - share).reverse() : LUNG_SHARES;
  const at = (share) => {
    let sum = 0;
    return Math.max(0, counts.findIndex((count) => (sum += count) > share * total));
  };
  return range(depth, at(low), at(high));
}

/** A window from one value to another, in real values. */
function range({ first, step }, low, high) {
  return { name: "", low: first + step * low, high: first + step * Math.max(high, low + 1), curve: null };
}

const ofPictures = new WeakMap(); // those of pictures, which both panes show

export class Depth {
  #canvas = null;
  #drawn = "";
  #presets = null;

  /** values: `FilmValues`, see backend.js. */
  constructor(values) {
    Object.assign(this, values);
    let [least, top] = [65535, 0];
    for (const value of this.values) {
      if (value > top) top = value;
      if (value < least && !(this.padding && value === 0)) least = value;
    }
    Object.assign(this, { least: Math.min(least, top), top });
  }

  /** A film of 8 bits, from its picture. */
  static ofPicture(picture) {
    const known = ofPictures.get(picture);
    if (known) return known;
    const [columns, rows] = [picture.naturalWidth ?? picture.width, picture.naturalHeight ?? picture.height];
    const context = canvasOf(columns, rows).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, columns, rows);
    const values = new Uint16Array(rows * columns);
    for (let i = 0; i < values.length; i += 1) values[i] = data[4 * i];
    const vois = [{ name: "", low: 0, high: FULL_WINDOW, curve: null }];
    const depth = new Depth({ rows, columns, values, first: 0, step: 1, is_inverse: false, padding: false, vois });
    ofPictures.set(picture, depth);
    return depth;
  }

  /** The presets by their keys: "0" as the film is opened, "1" and so on of its header, "full" and "lung". */
  get presets() {
    this.#presets ??= new Map([
      ...this.vois.map((voi, place) => [String(place), voi]),
      ["full", range(this, this.least, this.top)],
      ["lung", lungRange(this)],
    ]);
    return this.#presets;
  }

  preset(key) {
    return this.presets.get(key) ?? this.vois[0];
  }

  /** The grey level of a value by a preset: 0 to 255, below and above where a window cuts. */
  #grey(value, { low, high, curve }) {
    let share = (this.first + this.step * value - low) / (high - low);
    if (curve) {
      const place = clamp(share, 0, 1) * (curve.length - 1);
      const before = Math.min(Math.floor(place), curve.length - 2);
      share = curve[before] + (place - before) * (curve[before + 1] - curve[before]);
    }
    return FULL_WINDOW * (this.is_inverse ? 1 - share : share);
  }

  /** How far a grey window may be narrowed, widened and moved: to one step of the film, and over its whole range. */
  limits(key) {
    const voi = this.preset(key);
    if (voi.curve) return {};
    const ends = [this.#grey(this.least, voi), this.#grey(this.top, voi)];
    const [lowest, highest] = [Math.min(...ends, 0), Math.max(...ends, FULL_WINDOW)];
    const step = (FULL_WINDOW * this.step) / (voi.high - voi.low);
    return { narrowest: Math.min(4, 2 * step), widest: 2 * (highest - lowest), lowest, highest };
  }

  /** Window and level in the film's own values, as radiologists name them; of a curve in grey levels. */
  readout({ voi: key, window, level }) {
    const { low, high, curve } = this.preset(key);
    if (curve) return { window, level };
    const wide = (high - low) / FULL_WINDOW;
    return { window: window * wide, level: this.is_inverse ? high - level * wide : low + level * wide };
  }

  /** The film as a view shows it. */
  draw(view) {
    const wanted = `${view.voi} ${view.window} ${view.level} ${view.invert}`;
    if (wanted === this.#drawn) return this.#canvas;
    this.#canvas ??= canvasOf(this.columns, this.rows);
    const voi = this.preset(view.voi);
    const shades = new Uint32Array(this.top + 1);
    for (let value = 0; value <= this.top; value += 1) {
      const grey = this.padding && value === 0 ? 0 : view.shade(this.#grey(value, voi));
      shades[value] = 0xff000000 | (grey * 0x010101);
    }
    const context = this.#canvas.getContext("2d");
    const picture = context.createImageData(this.columns, this.rows);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let i = 0; i < pixels.length; i += 1) pixels[i] = shades[this.values[i]];
    context.putImageData(picture, 0, 0);
    this.#drawn = wanted;
    return this.#canvas;
  }
}

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
