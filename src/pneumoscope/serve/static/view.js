// How films are shown: zoom, position, grey window, heatmap. Several panes can share a view.

export const FULL_WINDOW = 255;
const MIDDLE_LEVEL = 127.5;
export const MAX_ZOOM = 16;
export const MIN_ZOOM = 1 / 16; // for small films at their true size
const MIN_WINDOW = 4;

const INITIAL = { zoom: 1, x: 0, y: 0, window: FULL_WINDOW, level: MIDDLE_LEVEL, invert: false, measure: null };

/** Dispatches "change" after any change. */
export class View extends EventTarget {
  /** 1 fits the film into its pane. */
  zoom = 1;
  /** The point of the film in the middle of the pane, in [-0.5, 0.5] of its width and height. */
  x = 0;
  y = 0;
  /** Width of the grey window, and the grey level in its middle, of 0 to 255. */
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
  /** What dragging does: it changes the grey "window" or the position ("pan"), or measures ("measure"). */
  tool = "window";

  set(changes) {
    Object.assign(this, changes);
    this.zoom = clamp(this.zoom, MIN_ZOOM, MAX_ZOOM);
    // Up to zoom 1 the whole film is shown; at a larger zoom its edges can be moved to the middle.
    const limit = this.zoom > 1 ? 0.5 : 0;
    this.x = clamp(this.x, -limit, limit);
    this.y = clamp(this.y, -limit, limit);
    this.window = clamp(this.window, MIN_WINDOW, 2 * FULL_WINDOW);
    this.level = clamp(this.level, 0, FULL_WINDOW);
    this.opacity = clamp(this.opacity, 0, 1);
    this.dispatchEvent(new Event("change"));
  }

  reset() {
    this.set(INITIAL);
  }

  /** Takes everything from another view. */
  copy({ zoom, x, y, window, level, invert, heatmap, lungs, cells, opacity, measure, tool }) {
    this.set({ zoom, x, y, window, level, invert, heatmap, lungs, cells, opacity, measure, tool });
  }

  /** Whether `reset` would change something. */
  get changed() {
    return Object.entries(INITIAL).some(([name, value]) => this[name] !== value);
  }

  /** The shown grey level of each of the 256 grey levels; null if they are the same. */
  table() {
    if (this.window === FULL_WINDOW && this.level === MIDDLE_LEVEL && !this.invert) return null;
    const low = this.level - this.window / 2;
    return Uint8ClampedArray.from({ length: 256 }, (_, grey) => {
      const shown = (255 * (grey - low)) / this.window;
      return this.invert ? 255 - clamp(shown, 0, 255) : shown;
    });
  }
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
