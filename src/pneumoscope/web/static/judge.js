// From a decoded film to its result: the same as pneumoscope/runtime/classifier.py and populations.py, and the
// JSON that `pneumoscope predict` prints. No DOM; the network is a function.

import { decide, rulesOf, wordsOf } from "./decision.js";
import { explained } from "./explanation.js";
import { greyStatistics, headScores, lungScores } from "./gate-scores.js";
import { zonesOf } from "./lung-regions.js";
import { fixed, general } from "./numbers.js";
import { filled, heatmapFor } from "./sentences.js";

const OTHER_PATIENTS = "other-population";
const REFUSED = "REFUSED";
/** Keys that are null for a refused film: a figure would be read as a verdict. */
const OF_THE_VERDICT = ["called", "p_positive", "p_pneumonia", "p_unadjusted", "probabilities", "classes", "kinds", "subtype", "findings", "explanation", "zones", "heatmap_class"];

/** What the page knows, with the words of a language. */
export function inLanguage(page, language) {
  const { bundles, ...words } = page.languages[language];
  const merged = Object.entries(page.bundles).map(([name, bundle]) => [name, { ...bundle, ...bundles[name] }]);
  return { ...page, ...words, bundles: Object.fromEntries(merged) };
}

/**
 * Judges films.
 *
 * @param {object} page  Of `inLanguage`.
 * @param {(name: string, input: Uint8Array, size: number) => Promise<object>} run  A bundle's network.
 */
export class Judge {
  constructor(page, run) {
    this.page = page;
    this.english = inLanguage(page, "en");
    this.run = run;
  }

  /** Names of the bundles. */
  get names() {
    return Object.keys(this.page.bundles);
  }

  /**
   * The result of one film: {result, english, heatmap, lungs}; `english` is the result for files, whose
   * sentences are in English, and the maps are `Cells` or null.
   *
   * @param {{input: Uint8Array, facts: object, readMs: number}} film
   * @param {import("./backend.js").ReadSettings} settings
   */
  async judge(film, settings) {
    const rules = (name) => rulesFor(this.page.bundles[name], settings); // refuses settings before anything runs
    if (settings.bundle) rules(settings.bundle);
    else for (const name of settings.population ? [settings.population] : this.names) rules(name);
    const { name, source, measured, ms } = await this.#chosen(film, settings);
    const conclude = (page) => {
      const judged = concluded(page, film, measured, { name, rules: rulesFor(page.bundles[name], settings), settings });
      const { words } = page.sentences;
      judged.result.timings_ms = { read: rounded(film.readMs, 3), infer: rounded(ms, 3) };
      judged.result.population = source ? filled("{name}", { name }, page.sentences) : null; // as `localised` gives it
      judged.result.population_source = source;
      judged.result.words.population = source ? filled(words[`population_${source}`], { population: name }, page.sentences) : "";
      return { ...judged, result: inOrder(judged.result) };
    };
    const judged = conclude(this.page);
    return { ...judged, english: conclude(this.english).result };
  }

  /** The bundle that judges a film, and what it measures; `source` says what chose it, null if there is no choice. */
  async #chosen(film, { bundle, population }) {
    const started = performance.now();
    const measure = async (name) => this.#measured(film, name);
    const ended = (name, source, measured) => ({ name, source, measured, ms: performance.now() - started });
    if (bundle) return ended(bundle, null, await measure(bundle));
    if (!this.page.automatic) return ended(this.names[0], null, await measure(this.names[0]));
    if (population) return ended(population, "reader", await measure(population));
    const byAge = this.#ofAge(film.facts.age_years ?? null);
    if (byAge) return ended(byAge, "age", await measure(byAge));
    const [first, ...others] = this.names;
    const runs = new Map([[first, await measure(first)]]);
    if (!this.#accepts(first, runs.get(first).gate)) for (const name of others) runs.set(name, await measure(name));
    const scoreOf = (name) => runs.get(name).gate[OTHER_PATIENTS] ?? 0;
    const likeliest = [...runs.keys()].reduce((best, name) => (scoreOf(name) < scoreOf(best) ? name : best));
    return ended(likeliest, "film", runs.get(likeliest));
  }

  #ofAge(age) {
    if (age === null) return null;
    const covers = ({ age_years: ages }) => ages !== null && ages[0] <= age && age < ages[1] + 1;
    return this.names.find((name) => covers(this.page.bundles[name].population)) ?? null;
  }

  #accepts(name, scores) {
    const limits = this.page.bundles[name].gate?.limits ?? {};
    return !(OTHER_PATIENTS in limits) || (scores[OTHER_PATIENTS] ?? 0) <= limits[OTHER_PATIENTS];
  }

  async #measured({ input }, name) {
    const { size, heads } = this.page.bundles[name];
    const outputs = await this.run(name, input, size);
    const gate = greyStatistics(input, size);
    if (heads && outputs.features) Object.assign(gate, headScores(heads, outputs.features.data));
    if (outputs.lungs) Object.assign(gate, lungScores(mapOf(outputs.lungs, 0, 1)));
    return { outputs, gate };
  }
}

/** What films are judged by, with the site profile that the page was exported with. */
const rulesFor = (bundle, settings) => rulesOf(bundle, settings, bundle.profile);

/** What is decided and said of a film with the words of `page`, and the maps that belong to it. */
function concluded(page, { input, facts }, { outputs, gate }, { name, rules, settings }) {
  const bundle = page.bundles[name];
  const { sentences } = page;
  const probabilities = Object.fromEntries(bundle.labels.map((label, i) => [label, outputs.probabilities.data[i]]));
  const decision = decide(rules, { probabilities, gate, facts }, sentences);
  const heatmap = verdictMap(outputs, decision.heatmap_class, bundle);
  const lungs = outputs.lungs ? mapOf(outputs.lungs, 0, 1) : null;
  const wanted = settings.explain !== "none" && bundle.heatmaps && decision.label !== REFUSED;
  const subject = { film: input, size: bundle.size, heatmap, lungs };
  const explanation = wanted ? explained(subject, limitsOf(decision, bundle), sentences) : null;
  const zones = namedZones(decision, { heatmap, lungs }, explanation, facts);
  const result = resultOf(decision, { gate, explanation, zones, facts, bundle, notice: page.notice });
  result.words = { ...wordsOf(decision, sentences), ...moreWords(decision, explanation, zones, page) };
  result.lung_outline = wanted && lungs !== null;
  return { result, heatmap: wanted ? heatmap : null, lungs: wanted ? lungs : null };
}

/** One map of an output (1, count, rows, columns) or (1, rows, columns). */
function mapOf({ data, dims }, index, count) {
  const [rows, columns] = dims.slice(-2);
  const size = data.length / count;
  return { data: data.slice(index * size, (index + 1) * size), rows, columns };
}

/**
 * The map of a class or finding, or that of the positive verdict: the sum of those of its kinds, which see
 * `kind_weights` in pneumoscope/decision/verdict_maps.py.
 */
function verdictMap({ heatmaps, probabilities, lungs }, name, { labels, negative }) {
  const maps = labels.map((_, i) => mapOf(heatmaps, i, labels.length));
  if (labels.includes(name)) return maps[labels.indexOf(name)];
  const kinds = labels.map((label, i) => i).filter((i) => labels[i] !== negative);
  const total = kinds.reduce((sum, i) => sum + probabilities.data[i], 0);
  const weightOf = (i) => (lungs ? 1 : total > 0 ? probabilities.data[i] / total : 1 / kinds.length);
  const data = maps[0].data.map((_, cell) => kinds.reduce((sum, i) => sum + weightOf(i) * maps[i].data[cell], 0));
  return { ...maps[0], data };
}

/** The lowest scores at which a heatmap of this verdict is shown, by mode; null if never measured. */
function limitsOf({ heatmap_class: shown }, { heatmap_limits: limits, negative }) {
  return limits && (shown === negative ? limits.negative : limits.positive);
}

function namedZones(decision, { heatmap, lungs }, explanation, facts) {
  if (!lungs || !explanation?.reliable || decision.label !== decision.positive) return [];
  const mirrored = decision.gate.reasons.some(({ code }) => code === "mirrored");
  return zonesOf(heatmap, lungs, !(mirrored || (facts.row_direction ?? "").startsWith("R")));
}

/** As `prediction_to_json`. */
function resultOf(decision, { gate, explanation, zones, facts, bundle, notice }) {
  const d = decision;
  const six = (value) => rounded(value, 6);
  const each = (values) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, six(value)]));
  const result = {
    ...d,
    p_positive: six(d.p_positive),
    p_pneumonia: six(d.p_positive),
    p_unadjusted: six(d.p_unadjusted),
    probabilities: each(d.probabilities),
    findings: d.findings.map((finding) => ({ ...finding, probability: six(finding.probability) })),
    adjusted_threshold: d.adjusted_threshold === null ? null : six(d.adjusted_threshold),
    gate: { ...d.gate, scores: each(gate) },
    explanation: explanation && { ...explanation, score: six(explanation.score), checks: each(explanation.checks) },
    zones: zones.map(({ name, share }) => ({ name, share: six(share) })),
    film: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null)),
    bundle: bundle.title,
    bundle_sha256: bundle.sha256,
    notice,
  };
  if (d.label === REFUSED) for (const key of OF_THE_VERDICT) result[key] = null;
  return result;
}

/** The sentences of `wording.sentences` that need more than the decision. */
function moreWords(d, explanation, zones, { sentences, no_heatmaps: noHeatmaps }) {
  const { words } = sentences;
  const say = (template, values) => filled(template, values, sentences);
  const refused = d.label === REFUSED;
  let none = "";
  if (refused) none = words.no_heatmap_refused;
  else if (!explanation) none = d.warnings.includes(noHeatmaps) ? noHeatmaps.replace(/\.+$/, "") : words.no_heatmap_wanted;
  else if (!explanation.reliable) none = words.no_heatmap_reliable;
  const percent = (share) => say(words.percent, { percent: general(100 * Number(fixed(share, 2)), 3) });
  const named = zones.map((zone) => say(words.zone, { name: zone.name, share: percent(zone.share) }));
  const name = refused ? "" : say("{name}", { name: heatmapFor(d) });
  return { no_heatmap: none, heatmap_for: name, zones: d.forced ? "" : named.join(", ") };
}

const rounded = (value, decimals) => (Number.isFinite(value) ? Number(value.toFixed(decimals)) : value);

/** The keys of a result in the order of the package's JSON; the sentences for readers last. */
const ORDER = [
  "label", "called", "forced", "positive", "p_positive", "p_pneumonia", "p_unadjusted", "prevalence", "probabilities", "classes",
  "error_rate", "kinds", "subtype", "findings", "operating_point", "adjusted_threshold", "negative_below", "positive_from", "gate",
  "explanation", "zones", "warnings", "heatmap_class", "film", "timings_ms", "bundle", "bundle_sha256", "profile", "population", "population_source", "notice", "words", "lung_outline",
];

const inOrder = (result) => Object.fromEntries(ORDER.map((key) => [key, result[key] ?? null]));
