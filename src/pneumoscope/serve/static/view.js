// How films are looked at: zoom, position, grey window, heatmap. Several panes may share one view.

export const FULL_WINDOW = 255;
const MIDDLE = 127.5;
const MOST_ZOOM = 16;
const LEAST_WINDOW = 4;

const AT_REST = { zoom: 1, x: 0, y: 0, window: FULL_WINDOW, level: MIDDLE, invert: false };

/** Events: "change" after any change. */
export class View extends EventTarget {
  /** Zoom, where 1 fits the film into its pane. */
  zoom = 1;
  /** What stands in the middle of the pane, as a share of the film's sides, 0 being its middle. */
  x = 0;
  y = 0;
  /** Grey levels from black to white, and the grey level in their middle, of 0 to 255. */
  window = FULL_WINDOW;
  level = MIDDLE;
  invert = false;
  heat = true;
  opacity = 0.55;
  /** What dragging does: "window" or "pan". */
  tool = "window";

  set(changes) {
    Object.assign(this, changes);
    this.zoom = clamp(this.zoom, 1, MOST_ZOOM);
    // At zoom 1 the whole film is in sight; beyond it its edge may come to the middle.
    const room = this.zoom > 1 ? 0.5 : 0;
    this.x = clamp(this.x, -room, room);
    this.y = clamp(this.y, -room, room);
    this.window = clamp(this.window, LEAST_WINDOW, 2 * FULL_WINDOW);
    this.level = clamp(this.level, 0, FULL_WINDOW);
    this.opacity = clamp(this.opacity, 0, 1);
    this.dispatchEvent(new Event("change"));
  }

  reset() {
    this.set(AT_REST);
  }

  get touched() {
    return Object.entries(AT_REST).some(([name, value]) => this[name] !== value);
  }

  /** Grey level to shown grey level, uint8 (256); null if they are the same. */
  table() {
    if (this.window === FULL_WINDOW && this.level === MIDDLE && !this.invert) return null;
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
