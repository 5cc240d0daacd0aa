// The reader's settings, kept in this browser only. Nothing about a film is stored here.

const KEY = "pneumoscope.preferences";

const DEFAULTS = {
  theme: "dark",
  reveal: "moment", // "moment", "ask" or "once"
  layout: "side", // "side" or "overlay"
  opacity: 0.55,
  keys: true,
  operatingPoint: null, // null: the server's default
  prevalence: null,
  error: null,
  explain: null,
};

class Preferences extends EventTarget {
  #values = { ...DEFAULTS };

  constructor() {
    super();
    try {
      Object.assign(this.#values, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    } catch {
      // Private windows may refuse storage: then the defaults are used.
    }
  }

  get(name) {
    return this.#values[name];
  }

  set(changes) {
    Object.assign(this.#values, changes);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // As above.
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Resets what the back end does not offer, for example after a change of its model; returns whether it did. */
  dropUnavailable({ operating_points: points = [], prevalence, error = {} }) {
    const { operatingPoint: point, prevalence: share, error: wrong } = this.#values;
    const gone = {};
    if (point !== null && !points.some(({ name }) => name === point)) gone.operatingPoint = null;
    if (share !== null && prevalence === false) gone.prevalence = null;
    // A share that was given in percent may have lost its last bit.
    const tooSmall = wrong < error.smallest * (1 - 1e-9);
    if (wrong !== null && (error.possible === false || tooSmall)) gone.error = null;
    const some = Object.keys(gone).length > 0;
    if (some) this.set(gone);
    return some;
  }

  /** How films are to be read: `ReadSettings`, see backend.js. */
  readSettings() {
    const { operatingPoint, prevalence, error, explain } = this.#values;
    return { operating_point: operatingPoint, prevalence, error, explain };
  }
}

export const preferences = new Preferences();

/** Applies the theme; "system" follows the operating system. */
export function applyTheme() {
  const theme = preferences.get("theme");
  const light = theme === "light" || (theme === "system" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
}
