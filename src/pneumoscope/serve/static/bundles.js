// The bundles that the back end offers: which of them reads the next films, and what it lets a reader
// choose.

import { fill, h, icon } from "./dom.js";
import { preferences } from "./preferences.js";
import { nameOf, t } from "./texts.js";
import { wordsOf } from "./words.js";

/** In place of a bundle: the bundle is chosen for each film, by its population. */
const AUTOMATIC = { name: "automatic", default: true };

/** Dispatches "change" when the bundles are known, and when another one is chosen. */
export class Bundles extends EventTarget {
  #settings = new Map(); // `Settings` by name of the bundle; that of the default also by null
  #announced; // the bundle that the last "change" was about
  offered = []; // the `Bundle`s, see backend.js; before them `AUTOMATIC` where it is the default

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
    if (settings.automatic) this.offered = [AUTOMATIC, ...this.offered];
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

  /** Whether a bundle is chosen for each film unless the reader names a population. */
  get automatic() {
    return this.offered[0] === AUTOMATIC;
  }

  /** The part of `ReadSettings` that has a film read by the bundle of this name; null for the default. */
  request(name) {
    return this.automatic ? { population: name } : { bundle: name };
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

  /** For whom the chosen one was made: a sentence, "" if that is not known, and the same in full. */
  get madeFor() {
    const populationOf = ({ population }) => population?.text ?? population ?? "";
    const { chosen } = this;
    if (chosen !== AUTOMATIC) {
      const population = populationOf(chosen);
      const sentence = population && t("madeFor.one", { population });
      return { sentence, full: sentence };
    }
    const several = this.offered.filter((bundle) => bundle !== AUTOMATIC);
    const populations = several.map(({ name }) => nameOf(name)).join(t("madeFor.or"));
    const full = several.map((bundle) => `${nameOf(bundle.name)}: ${populationOf(bundle)}.`).join("\n");
    return { sentence: t("madeFor.several", { populations }), full };
  }

  model() {
    return this.backend.model(preferences.bundle);
  }

  /** Names of the positive verdicts, each once. */
  get positives() {
    return [...new Set(this.offered.filter(({ positive }) => positive).map(({ positive }) => positive))];
  }

  /** Which bundle made a result and why, for readers; "" if there was only one. */
  sentenceOf(result) {
    if (!result) return "";
    const { population } = wordsOf(result);
    if (population) return t("bundles.judgedAs", { population });
    const bundle = this.nameOf(result);
    return bundle && t("bundles.readBy", { bundle });
  }

  /** The population of a result and why, or which bundle made it; "" if there was only one. */
  nameOf(result) {
    if (!result) return "";
    const { population } = wordsOf(result);
    if (population || !this.several) return population;
    return this.offered.find((bundle) => bundle.bundle_sha256 === result.bundle_sha256)?.name ?? result.bundle;
  }

  #announce() {
    this.#announced = this.chosen;
    this.dispatchEvent(new Event("change"));
  }
}

let fieldsMade = 0;

function optionText(bundle, automatic) {
  if (bundle === AUTOMATIC) return t("bundles.automatic");
  return automatic ? nameOf(bundle.name) : t("bundles.option", shown(bundle));
}

function noteOn(bundle) {
  if (bundle === AUTOMATIC) return t("bundles.automaticNote");
  return t(bundle.population ? "bundles.trainedOn" : "bundles.verdicts", shown(bundle));
}

/** A bundle with its names for readers. */
const shown = (bundle) => ({ ...bundle, name: nameOf(bundle.name), positive: nameOf(bundle.positive) });

/** A labelled choice of the bundle that reads the next films; hidden where there is only one. */
export function bundleField(bundles) {
  const id = `bundle-${(fieldsMade += 1)}`;
  const select = h("select", { id, "aria-describedby": `${id}-note`, onchange: () => bundles.choose(select.value) });
  const note = h("p", { class: "secondary", id: `${id}-note` });
  const label = h("label", { for: id });
  const element = h(
    "div",
    { class: "bundle-field operator" },
    label,
    h("span", { class: "with-chevron" }, select, icon("chevron")),
    note,
  );
  const update = () => {
    const { automatic, chosen, offered, several } = bundles;
    element.hidden = !several;
    if (!several) return;
    label.textContent = t(automatic ? "bundles.population" : "facts.model");
    fill(select, offered.map((bundle) => h("option", { value: bundle.name }, optionText(bundle, automatic))));
    select.value = chosen.name;
    note.textContent = noteOn(chosen);
  };
  bundles.addEventListener("change", update);
  update();
  return element;
}
