// The bundles that the back end offers: which of them reads the next films, and what it lets a reader
// choose.

import { fill, h, icon } from "./dom.js";
import { preferences } from "./preferences.js";
import { t } from "./texts.js";

/** Dispatches "change" when the bundles are known, and when another one is chosen. */
export class Bundles extends EventTarget {
  #settings = new Map(); // `Settings` by name of the bundle; that of the default also by null
  #announced; // the bundle that the last "change" was about
  offered = []; // the `Bundle`s, see backend.js

  /** backend: a `Backend`, see backend.js. */
  constructor(backend) {
    super();
    this.backend = backend;
    preferences.addEventListener("change", () => this.chosen !== this.#announced && this.#announce());
  }

  /**
   * Loads the bundles and the settings of each, so that a choice takes effect at once. What is not offered
   * any more is reset; returns what that was: "bundles", "settings" or "".
   */
  async load() {
    const settings = await this.backend.settings();
    this.offered = settings.bundles ?? [{ ...(await this.backend.model()), name: null, default: true }];
    const byName = this.offered.map(async (bundle) => [bundle.name, bundle.default ? settings : await this.backend.settings(bundle.name)]);
    this.#settings = new Map([...(await Promise.all(byName)), [null, settings]]);
    const reset = [...this.#settings].filter(([name, { form }]) => preferences.dropUnavailable(form, name)).length > 0;
    const missing = !this.#settings.has(preferences.bundle);
    if (missing) preferences.setBundle(null);
    this.#announce();
    return missing ? "bundles" : reset ? "settings" : "";
  }

  get several() {
    return this.offered.length > 1;
  }

  /** The one that reads the next films; undefined before `load`. */
  get chosen() {
    return this.offered.find(({ name }) => name === preferences.bundle) ?? this.offered.find((bundle) => bundle.default);
  }

  /** What the back end says about the chosen one. */
  get settings() {
    return this.#settings.get(preferences.bundle) ?? {};
  }

  choose(name) {
    const bundle = this.offered.find((offered) => offered.name === name);
    // The default is kept as null, so that it follows the back end.
    preferences.setBundle(bundle.default ? null : name);
  }

  model() {
    return this.backend.model(preferences.bundle);
  }

  /** Names of the positive verdicts, each once. */
  get positives() {
    return [...new Set(this.offered.map(({ positive }) => positive))];
  }

  /** Which bundle made a result, for readers; "" if only one is offered. */
  nameOf(result) {
    if (!this.several || !result) return "";
    return this.offered.find((bundle) => bundle.bundle_sha256 === result.bundle_sha256)?.name ?? result.bundle;
  }

  #announce() {
    this.#announced = this.chosen;
    this.dispatchEvent(new Event("change"));
  }
}

let fieldsMade = 0;

/** A labelled choice of the bundle that reads the next films; hidden where there is only one. */
export function bundleField(bundles) {
  const id = `bundle-${(fieldsMade += 1)}`;
  const select = h("select", { id, "aria-describedby": `${id}-note`, onchange: () => bundles.choose(select.value) });
  const note = h("p", { class: "secondary", id: `${id}-note` });
  const element = h(
    "div",
    { class: "bundle-field operator" },
    h("label", { for: id }, t("facts.model")),
    h("span", { class: "with-chevron" }, select, icon("chevron")),
    note,
  );
  const update = () => {
    const { chosen, offered, several } = bundles;
    element.hidden = !several;
    if (!several) return;
    fill(select, offered.map(({ name, positive }) => h("option", { value: name }, t("bundles.option", { name, positive }))));
    select.value = chosen.name;
    note.textContent = t(chosen.population ? "bundles.trainedOn" : "bundles.verdicts", chosen);
  };
  bundles.addEventListener("change", update);
  update();
  return element;
}
