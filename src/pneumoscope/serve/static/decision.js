// What is decided about a film, and what is said of it: the same as `pneumoscope.decision` and
// `pneumoscope.render.wording`, without a server. The cases in tests/decision/decisions.json hold both
// to the same answers. No DOM.
//
// Names are those of the JSON that the package writes: a bundle is the content of bundle.json, a profile
// that of a site profile's file with its `title`, a decision has the keys of a result, and the sentences
// are those of a language, such as src/pneumoscope/decision/sentences.json.

import { gateReasons } from "./gate.js";
import { fixed } from "./numbers.js";
import { outsideReason } from "./sentences.js";

export { wordsOf } from "./sentences.js";

const NORMAL = "NORMAL";
const UNDETERMINED = "UNDETERMINED";
const REFUSED = "REFUSED";
const DEFAULT_ERROR = 0.05;

// See pneumoscope/decision/probability.py and calibration.py.
const LOGIT_FLOOR = 1e-6;
const FLOOR = 1e-12;

/** A setting that the bundle cannot serve; `code` is the name of the class in pneumoscope.errors. */
export class SettingError extends Error {
  constructor(code, setting) {
    super(`${code}: ${setting}`);
    this.code = code;
    this.setting = setting;
  }
}

/**
 * What films are judged by.
 *
 * @param {object} bundle  Content of bundle.json; keys that decide nothing may be missing.
 * @param {object} settings  operating_point, error, prevalence and force; a missing one is the default.
 * @param {object|null} profile  Of the site.
 * @throws {SettingError}
 */
export function rulesOf(bundle, settings = {}, profile = null) {
  const offered = {
    labels: bundle.labels,
    negative: bundle.negative,
    positive: bundle.positive,
    kinds: bundle.kinds,
    kindsWarning: bundle.kinds_warning,
    warnings: bundle.warnings,
    population: bundle.population,
    known: bundle.calibration.prevalence,
    conformal: bundle.conformal,
    points: bundle.operating_points,
    defaultPoint: bundle.default_operating_point,
    gateLimits: bundle.gate?.limits ?? null,
    siteCalibration: null,
    profile: null,
    ...(profile && atSite(bundle, profile)),
  };
  const name = settings.operating_point ?? offered.defaultPoint;
  const points = offered.points.filter((point) => point.name === name);
  if (!points.length) throw new SettingError("UnknownOperatingPoint", name);
  return {
    ...offered,
    points,
    limits: limitsOf(offered, settings.error ?? null),
    prevalence: prevalenceOf(offered, settings.prevalence ?? profile?.prevalence ?? null),
    force: settings.force ?? false,
  };
}

function atSite(bundle, profile) {
  return {
    known: profile.calibration.prevalence,
    conformal: profile.conformal,
    points: profile.points.map(({ point }) => point),
    defaultPoint: profile.default_operating_point,
    gateLimits: bundle.gate ? { ...bundle.gate.limits, ...profile.gate_limits } : null,
    siteCalibration: profile.calibration,
    profile: profile.title,
  };
}

/** Limits of the conformal sets at an error, or null; see pneumoscope/decision/conformal.py. */
function limitsOf({ conformal }, error) {
  if (error !== null && (!(error > 0 && error < 1) || !conformal)) throw new SettingError("UsageError", "error");
  if (!conformal) return null;
  const rate = error ?? DEFAULT_ERROR;
  const sides = Object.values(conformal.questions);
  const smallest = Math.min(...sides.map((s) => Math.max(1 / (s.negative.length + 1), 1 / (s.positive.length + 1))));
  if (rate < smallest * (1 - 1e-9)) throw new SettingError("UsageError", "error");
  const limit = (scores) => {
    const m = Math.min(Math.floor(Number(fixed(rate * (scores.length + 1), 9))), scores.length);
    return m ? scores[m - 1] : 0;
  };
  return {
    error: rate,
    questions: mapped(conformal.questions, (s) => [limit(s.negative), limit(s.positive)]),
    kinds: mapped(conformal.kinds, limit),
  };
}

function prevalenceOf({ negative, known }, prevalence) {
  if (prevalence === null) return null;
  const served = prevalence > 0 && prevalence < 1 && negative !== null && known !== null;
  if (!served) throw new SettingError("UsageError", "prevalence");
  return prevalence;
}

/**
 * Everything that is decided about a film.
 *
 * @param {object} rules  Of `rulesOf`.
 * @param {object} film  probabilities by class or finding, as the network gives them; scores of the gate
 *   by name; facts: what the film's file says about it.
 * @param {object} sentences
 */
export function decide(rules, film, sentences) {
  const probabilities = rules.siteCalibration ? calibrated(rules, film.probabilities) : film.probabilities;
  const verdict = rules.negative === null ? ofFindings(rules, probabilities) : ofClasses(rules, probabilities);
  const reasons = gateReasons(rules, film.gate, film.facts, sentences);
  const level = reasons[0]?.level ?? "ok";
  const { label, forced } = shown(rules, verdict.label, level, reasons);
  const kinds = label === UNDETERMINED ? [] : verdict.kinds;
  return {
    ...verdict,
    label,
    forced,
    kinds,
    heatmap_class: rules.negative === null ? verdict.heatmap_class : heatmapClass(rules, verdict.called, kinds),
    positive: rules.positive,
    prevalence: rules.prevalence,
    error_rate: rules.limits?.error ?? null,
    subtype: kinds.length === 1 ? kinds[0] : null,
    gate: { level, reasons },
    warnings: warningsOf(rules, label),
    profile: rules.profile,
  };
}

/** The label after the gate, and whether it is shown only because it was forced. */
function shown(rules, label, level, reasons) {
  const outside = rules.profile === null && outsideReason(reasons) !== undefined;
  if (level === "refuse") return rules.force ? { label, forced: true } : { label: REFUSED, forced: false };
  if (!outside || label === UNDETERMINED) return { label, forced: false };
  return rules.force ? { label, forced: true } : { label: UNDETERMINED, forced: false };
}

function warningsOf(rules, label) {
  if (label === REFUSED) return [];
  const speaksOfKinds = label === rules.positive && rules.kinds.length > 0 && rules.kindsWarning !== "";
  return speaksOfKinds ? [rules.kindsWarning, ...rules.warnings] : rules.warnings;
}

function ofClasses(rules, probabilities) {
  const { labels, negative, positive, limits } = rules;
  const [point] = rules.points;
  const p = Math.min(1, Math.max(0, 1 - probabilities[negative]));
  const called = p >= point.threshold ? positive : NORMAL;
  let classes = [called];
  if (limits) {
    const [least, most] = limits.questions[positive];
    classes = [...(1 - p >= least ? [NORMAL] : []), ...(p >= most ? [positive] : [])];
  }
  const label = classes.length === 1 && classes[0] === called ? called : UNDETERMINED;
  const others = labels.filter((name) => name !== negative);
  let kinds = [];
  if (label === positive && rules.kinds.length) {
    kinds = [others.reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best))];
    if (limits) kinds = Object.keys(limits.kinds).filter((name) => probabilities[name] >= limits.kinds[name] * p);
  }
  const carry = (value) => (rules.prevalence === null ? null : atPrevalence(value, rules.known, rules.prevalence));
  const adjusted = carry(p) ?? p;
  const factor = p > 0 ? adjusted / p : 0;
  const carried = (value, name) => (name === negative ? 1 - adjusted : value * factor);
  return {
    label,
    called,
    p_positive: adjusted,
    p_unadjusted: p,
    probabilities: rules.prevalence === null ? probabilities : mapped(probabilities, carried),
    classes,
    kinds,
    findings: [],
    operating_point: point,
    heatmap_class: heatmapClass(rules, called, kinds),
    adjusted_threshold: carry(point.threshold),
    ...mapped(rangesOf(point.threshold, limits?.questions[positive]), (value) => (value === null ? null : (carry(value) ?? value))),
  };
}

/**
 * Where the verdicts of one question begin, as `pneumoscope.decision.ranges.ranges_of`: it is negative below
 * `negative_below`, positive from `positive_from` on (null: never), and UNDETERMINED between them.
 */
function rangesOf(threshold, limits) {
  if (!limits) return { negative_below: threshold, positive_from: threshold };
  const [least, most] = limits;
  const borders = [threshold, most, firstWithoutNegative(least)];
  const start = Math.max(...borders);
  return { negative_below: Math.min(...borders), positive_from: start <= 1 ? start : null };
}

function firstWithoutNegative(limit) {
  if (limit <= 0) return Infinity;
  const p = 1 - limit;
  return 1 - p < limit ? p : p + 2 ** -53;
}

/** What the heatmap explains; see `triage.heatmap_class`. */
function heatmapClass({ labels, negative, positive }, called, kinds) {
  if (called === NORMAL) return negative;
  if (kinds.length === 1) return kinds[0];
  const others = labels.filter((name) => name !== negative);
  return others.length === 1 ? others[0] : positive;
}

function atPrevalence(p, known, wanted) {
  const ill = p * wanted * (1 - known);
  const well = (1 - p) * known * (1 - wanted);
  return ill / (ill + well);
}

function ofFindings(rules, probabilities) {
  const { labels, positive, points } = rules;
  const margins = labels.map((name, i) => logit(probabilities[name]) - logit(points[i].threshold));
  const order = labels.map((_, i) => i).sort((i, j) => margins[j] - margins[i]);
  const findings = order.map((i) => findingOf(rules, labels[i], probabilities[labels[i]], points[i]));
  const point = points[order[0]];
  const [{ name, probability }] = findings;
  let classes = [NORMAL];
  if (findings.some((f) => f.present && !f.undetermined)) classes = [positive];
  else if (findings.some((f) => f.undetermined)) classes = [NORMAL, positive];
  return {
    label: classes.length === 1 ? classes[0] : UNDETERMINED,
    called: probability >= point.threshold ? positive : NORMAL,
    p_positive: probability,
    p_unadjusted: probability,
    probabilities,
    classes,
    kinds: [],
    findings,
    operating_point: point,
    heatmap_class: name,
    adjusted_threshold: null,
    negative_below: null,
    positive_from: null,
  };
}

function findingOf({ limits }, name, probability, { threshold }) {
  const present = probability >= threshold;
  let undetermined = false;
  if (limits && name in limits.questions) {
    const [least, most] = limits.questions[name];
    undetermined = 1 - probability >= least !== !present || probability >= most !== present;
  }
  return { name, probability, threshold, present, undetermined, ...rangesOf(threshold, limits?.questions[name]) };
}

/** Log odds, kept finite. */
function logit(p) {
  const kept = Math.min(Math.max(p, LOGIT_FLOOR), 1 - LOGIT_FLOOR);
  return Math.log(kept / (1 - kept));
}

/** The probability of log odds, as `pneumoscope.decision.probability.logistic`. */
export function logistic(odds) {
  return 1 / (1 + Math.exp(-Math.min(Math.max(odds, -60), 60)));
}

/** Probabilities as they are at the site; see `Calibration.apply`. */
function calibrated({ labels, negative, siteCalibration }, probabilities) {
  const log = (p) => Math.log(Math.max(p, FLOOR));
  const others = labels.filter((name) => name !== negative);
  const sum = others.reduce((total, name) => total + probabilities[name], 0);
  const odds = (log(sum) - log(probabilities[negative])) * siteCalibration.scale[0] + siteCalibration.offset[0];
  const ill = logistic(odds);
  const logs = others.map((name) => log(probabilities[name]) / (siteCalibration.kinds_temperature ?? 1))
    .map((value, i) => value + (siteCalibration.kinds_offsets?.[i] ?? 0));
  const highest = Math.max(...logs);
  const shares = logs.map((value) => Math.exp(value - highest));
  const whole = shares.reduce((total, value) => total + value, 0);
  const entries = others.map((name, i) => [name, (ill * shares[i]) / whole]);
  const byName = { ...Object.fromEntries(entries), [negative]: 1 - ill };
  return Object.fromEntries(labels.map((name) => [name, byName[name]]));
}

const mapped = (object, value) => Object.fromEntries(Object.entries(object).map(([name, v]) => [name, value(v, name)]));
