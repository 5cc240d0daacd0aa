// How films are shown: zoom, position, grey window, heatmap. Several panes can share a view.

export const FULL_WINDOW = 255;
const MIDDLE_LEVEL = 127.5;
export const MAX_ZOOM = 16;
export const MIN_ZOOM = 1 / 16; // for small films at their true size
const LIMITS = { narrowest: 4, widest: 2 * FULL_WINDOW, lowest: 0, highest: FULL_WINDOW };

const GREY = { voi: "0", window: FULL_WINDOW, level: MIDDLE_LEVEL };
const INITIAL = { zoom: 1, x: 0, y: 0, ...GREY, invert: false, measure: null, points: null };

/** Dispatches "change" after any change. */
export class View extends EventTarget {
  /** 1 fits the film into its pane. */
  zoom = 1;
  /** The point of the film in the middle of the pane, in [-0.5, 0.5] of its width and height. */
  x = 0;
  y = 0;
  /** The preset that makes values grey, see `Depth.presets`. */
  voi = "0";
  /** Width of the grey window, and the grey level in its middle: of 0 to 255 of the preset. */
  window = FULL_WINDOW;
  level = MIDDLE_LEVEL;
  invert = false;
  /** Whether the heatmap is shown. */
  heatmap = true;
  /** Whether the outline of the lungs is shown. */
  lungs = true;
  /** Whether the heatmap is shown as its cells, rather than smooth. */
  cells = false;
  opacity = 0.55;
  /** A distance that is measured: its ends, {from: [x, y], to: [x, y]}, in shares of the film's sides; or null. */
  measure = null;
  /** The points of a cardiothoracic ratio, as the ends of a distance; or null. See cardiothoracic.js. */
  points = null;
  /** Whether a magnifier is shown, and where: a place on the film as in `measure`, which follows the pointer. */
  magnifier = false;
  magnified = [0.5, 0.5];
  /** What dragging does: it changes the grey "window" or the position ("pan"), or measures ("measure"); "ratio" marks points. */
  tool = "window";
  /** Bounds of window and level; a film of more than 8 bits has others. */
  limits = LIMITS;

  set(changes) {
    Object.assign(this, changes);
    this.zoom = clamp(this.zoom, MIN_ZOOM, MAX_ZOOM);
    // Up to zoom 1 the whole film is shown; at a larger zoom its edges can be moved to the middle.
    const limit = this.zoom > 1 ? 0.5 : 0;
    this.x = clamp(this.x, -limit, limit);
    this.y = clamp(this.y, -limit, limit);
    const { narrowest, widest, lowest, highest } = this.limits;
    this.window = clamp(this.window, narrowest, widest);
    this.level = clamp(this.level, lowest, highest);
    this.opacity = clamp(this.opacity, 0, 1);
    this.dispatchEvent(new Event("change"));
  }

  reset() {
    this.set(INITIAL);
  }

  /** Makes values grey by another preset. */
  choose(voi) {
    this.set({ ...GREY, voi });
  }

  /** Sets bounds of window and level, see `Depth.limits`. */
  setLimits(limits) {
    this.limits = { ...LIMITS, ...limits };
  }

  /** Takes everything from another view. */
  copy({ zoom, x, y, voi, window, level, invert, heatmap, lungs, cells, opacity, measure, points, magnifier, tool }) {
    this.set({ zoom, x, y, voi, window, level, invert, heatmap, lungs, cells, opacity, measure, points, magnifier, tool });
  }

  /** Whether `reset` would change something. */
  get changed() {
    return Object.entries(INITIAL).some(([name, value]) => this[name] !== value);
  }

  /** Whether the greys are those of the film as it is opened, but for inversion. */
  get isGreyAsOpened() {
    return Object.entries(GREY).every(([name, value]) => this[name] === value);
  }

  /** The shown grey level, 0 to 255, of a grey level of the preset. */
  shade(grey) {
    const shown = Math.round(clamp((FULL_WINDOW * (grey - this.level)) / this.window + MIDDLE_LEVEL, 0, FULL_WINDOW));
    return this.invert ? FULL_WINDOW - shown : shown;
  }

  /** The shown grey level of each of the 256 grey levels; null if they are the same. */
  table() {
    if (this.isGreyAsOpened && !this.invert) return null;
    return Uint8ClampedArray.from({ length: 256 }, (_, grey) => this.shade(grey));
  }
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
