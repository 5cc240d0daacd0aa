// The reader's settings, kept in this browser only. Nothing about a film is stored here.

const KEY = "pneumoscope.preferences";

const DEFAULTS = {
  theme: "dark",
  reveal: "moment", // "moment", "ask" or "once"
  layout: "side", // "side" or "overlay"
  opacity: 0.55,
  cells: false,
  keys: true,
  shortcuts: {}, // keys that the reader has changed, by action: see keys.js
  reader: false, // whether the reader's own call comes before each verdict
  bundle: null,
  language: "browser", // "browser" or one of LANGUAGES in texts.js
};
const DIALOG = ["theme", "reveal", "reader", "keys", "shortcuts", "bundle", "language"]; // those of the settings dialog

class Preferences extends EventTarget {
  #values = { ...DEFAULTS };
  #read = new Map(); // `ReadSettings` by name of the bundle, "" for the default one

  constructor() {
    super();
    try {
      const { readWith, ...values } = former(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
      Object.assign(this.#values, values);
      for (const [bundle, settings] of Object.entries(readWith)) this.#assignRead(settings, bundle);
    } catch {
      // Private windows may refuse storage: then the defaults are used.
    }
  }

  get(name) {
    return this.#values[name];
  }

  set(changes) {
    Object.assign(this.#values, changes);
    this.#store();
  }

  /** Name of the bundle that reads the next films; null for the back end's default. */
  get bundle() {
    return this.get("bundle");
  }

  setBundle(name) {
    this.set({ bundle: name });
  }

  /**
   * How a bundle is to read films: `ReadSettings`, see backend.js. What is not in it has the default. Each
   * bundle has its own, because a prevalence or an operating point of one means nothing to another.
   */
  read(bundle = this.bundle) {
    return this.#read.get(bundle ?? "") ?? {};
  }

  /** Changes `read`; null stands for the default. */
  setRead(changes, bundle = this.bundle) {
    this.#assignRead(changes, bundle);
    this.#store();
  }

  /** Sets everything in the settings dialog to its default. */
  reset() {
    this.#read.clear();
    this.set(Object.fromEntries(DIALOG.map((name) => [name, DEFAULTS[name]])));
  }

  /** Resets what a bundle does not offer, for example after a change of the model; returns whether it did. */
  dropUnavailable({ properties = {} } = {}, bundle = this.bundle) {
    const settings = this.read(bundle);
    const unavailable = Object.keys(settings).filter((name) => !isOffered(properties[name], settings[name]));
    if (unavailable.length) this.setRead(Object.fromEntries(unavailable.map((name) => [name, null])), bundle);
    return unavailable.length > 0;
  }

  #assignRead(changes, bundle) {
    const values = Object.entries({ ...this.read(bundle), ...changes });
    this.#read.set(bundle ?? "", Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined)));
  }

  #store() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...this.#values, readWith: Object.fromEntries(this.#read) }));
    } catch {
      // As above.
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** Stored preferences; earlier versions knew one bundle, and kept its settings among the others. */
function former({ operatingPoint, prevalence, error, explain, read, readWith, ...values }) {
  return { ...values, readWith: { "": { operating_point: operatingPoint, prevalence, error, explain, ...read }, ...readWith } };
}

/** Whether a field of the form takes a value. */
function isOffered(schema, value) {
  if (!schema) return false;
  if (schema.enum) return schema.enum.includes(value);
  // A share that was given in percent may have lost its last bit.
  return schema.minimum === undefined || value >= schema.minimum * (1 - 1e-9);
}

export const preferences = new Preferences();

/** Applies the theme; "system" follows the operating system. Paper is light. */
export function applyTheme() {
  const theme = preferences.get("theme");
  const light = matchMedia("print").matches || theme === "light" || (theme === "system" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
}
