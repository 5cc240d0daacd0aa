// The reader's settings, kept in this browser only. Nothing about a film is stored here.

const KEY = "pneumoscope.preferences";

const DEFAULTS = {
  theme: "dark",
  reveal: "moment", // "moment", "ask" or "once"
  layout: "side", // "side" or "overlay"
  opacity: 0.55,
  keys: true,
};
const DIALOG = ["theme", "reveal", "keys"]; // those of the settings dialog

class Preferences extends EventTarget {
  #values = { ...DEFAULTS };

  /** How films are to be read: `ReadSettings`, see backend.js. What is not in it has the default. */
  read = {};

  constructor() {
    super();
    try {
      const { read, ...values } = former(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
      Object.assign(this.#values, values);
      this.#assignRead(read);
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

  /** Changes `read`; null stands for the default. */
  setRead(changes) {
    this.#assignRead(changes);
    this.#store();
  }

  /** Sets everything in the settings dialog to its default. */
  reset() {
    this.read = {};
    this.set(Object.fromEntries(DIALOG.map((name) => [name, DEFAULTS[name]])));
  }

  /** Resets what the back end does not offer, for example after a change of its model; returns whether it did. */
  dropUnavailable({ properties = {} } = {}) {
    const unavailable = Object.keys(this.read).filter((name) => !isOffered(properties[name], this.read[name]));
    if (unavailable.length) this.setRead(Object.fromEntries(unavailable.map((name) => [name, null])));
    return unavailable.length > 0;
  }

  #assignRead(changes) {
    const values = Object.entries({ ...this.read, ...changes });
    this.read = Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined));
  }

  #store() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...this.#values, read: this.read }));
    } catch {
      // As above.
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** Stored preferences; earlier versions kept the settings of `read` among the others. */
function former({ operatingPoint, prevalence, error, explain, read, ...values }) {
  return { ...values, read: { operating_point: operatingPoint, prevalence, error, explain, ...read } };
}

/** Whether a field of the form takes a value. */
function isOffered(schema, value) {
  if (!schema) return false;
  if (schema.enum) return schema.enum.includes(value);
  // A share that was given in percent may have lost its last bit.
  return schema.minimum === undefined || value >= schema.minimum * (1 - 1e-9);
}

export const preferences = new Preferences();

/** Applies the theme; "system" follows the operating system. */
export function applyTheme() {
  const theme = preferences.get("theme");
  const light = theme === "light" || (theme === "system" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
}
