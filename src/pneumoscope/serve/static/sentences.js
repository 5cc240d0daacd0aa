// What is said of a decision: the same as `pneumoscope.render.wording`, from the same sentences
// (src/pneumoscope/decision/sentences.json, or its translation). No DOM.

import { fixed, general, thresholdTexts } from "./numbers.js";

const NORMAL = "NORMAL";
const UNDETERMINED = "UNDETERMINED";
const REFUSED = "REFUSED";
export const OUTSIDE = "outside-population";

/**
 * What is said of a decision, for people; see `wording.sentences_of`.
 *
 * @param {object} decision  Of `decide`.
 * @param {object} sentences
 */
export function wordsOf(decision, sentences) {
  const d = decision;
  const texts = sentences.words;
  const judged = d.label !== REFUSED;
  const named = (value) => shown(value, sentences);
  const say = (name, values) => filled(texts[name], values, sentences);
  const percent = (share) => say("percent", { percent: general(100 * share, 3) });
  const p = fixed(d.p_positive, 3);
  const unadjusted = fixed(d.p_unadjusted, 3);
  const subject = named(d.findings.length ? d.findings[0].name : d.positive.toLowerCase());
  const atAll = d.prevalence !== null && { prevalence: percent(d.prevalence), unadjusted };
  const reason = judged ? "" : capital(withoutStop(d.gate.reasons[0].sentence));
  const verdict = d.forced ? say("forced_label", { label: d.label }) : named(d.label);
  const outside = outsideReason(d.gate.reasons, d.profile);
  return {
    verdict,
    marks: marksOf(d, texts),
    outside: outside ? say("outside", { reason: withoutStop(outside.sentence) }) : "",
    short: judged ? say("short", { verdict, p }) : named(d.label),
    summary: judged ? say("summary", { verdict, subject, p }) : say("summary_refused", { label: d.label, reason }),
    refused: judged ? "" : texts.refused,
    forced: !d.forced ? "" : d.gate.level === "refuse" ? texts.forced : texts.forced_outside,
    subject,
    probability: !judged ? "" : atAll ? say("at_prevalence", { p, ...atAll }) : named(p),
    prevalence: judged && atAll ? say("prevalence", atAll) : "",
    why_undetermined: whyUndetermined(d, say, percent, named),
    call: judged ? callOf(d, say, percent) : "",
    promise: judged && d.error_rate !== null && !d.forced && !outside ? say(d.profile === null ? "promise" : "promise_site", { share: percent(d.error_rate) }) : "",
    kinds: kindsOf(d, say, texts, named),
    findings: judged ? d.findings.map((f) => findingWords(f, say)) : [],
    reasons: d.gate.reasons.map(({ sentence, hint }) => (hint ? `${withoutStop(sentence)}. ${hint}` : `${withoutStop(sentence)}.`)),
  };
}

/** What a heatmap explains, as readers know it; see `wording.heatmap_for`. Null for a refused film. */
export function heatmapFor({ called, findings, heatmap_class: name, probabilities }) {
  const isKind = Object.keys(probabilities ?? {}).length > 2 && called !== NORMAL;
  return findings?.length || isKind ? name : called;
}

function whyUndetermined(d, say, percent, named) {
  if (d.label !== UNDETERMINED) return "";
  const outside = outsideReason(d.gate.reasons, d.profile);
  if (outside) return say("unclear_outside", { reason: withoutStop(outside.sentence) });
  if (d.error_rate === null) return "";
  const names = d.findings.filter((f) => f.undetermined).map((f) => named(f.name));
  if (d.findings.length) return say("unclear_findings", { names: names.join(", ") });
  const values = { normal: NORMAL, positive: d.positive };
  if (d.classes.length === 2) return say("unclear_both", values);
  if (!d.classes.length) return say("unclear_neither", { share: percent(d.error_rate), ...values });
  const name = d.called === d.positive ? "unclear_reaches" : "unclear_below";
  return say(name, { only: d.classes[0], point: d.operating_point.name });
}

/** The probabilities of each verdict, at the operating point and error in use; see `wording.call`. */
function callOf(d, say, percent) {
  const [negative, unclear, positive] = [NORMAL, UNDETERMINED, d.positive];
  let ranges = "";
  if (!d.forced && outsideReason(d.gate.reasons, d.profile)) ranges = say("ranges_outside", { unclear });
  else if (d.findings.length) ranges = say("ranges_findings", { normal: negative, unclear, positive });
  else ranges = rangesText(d, { negative, unclear, positive }, say);
  const point = d.operating_point.name;
  const text = d.error_rate === null ? say("at_point", { ranges, point }) : say("at_point_and_error", { ranges, point, error: percent(d.error_rate) });
  return `${capital(text)}.`;
}

/** See `wording.ranges_text`. */
function rangesText({ negative_below: below, positive_from: start }, names, say) {
  const texts = thresholdTexts(limitsOf({ negative_below: below, positive_from: start }));
  if (!texts.length) return say("ranges_unclear", names);
  let name = texts[0] === texts.at(-1) ? "ranges_two" : "ranges_three";
  if (start === null) name = "ranges_no_positive";
  else if (!below) name = "ranges_no_negative";
  return say(name, { low: texts[0], high: texts.at(-1), ...names });
}

/** Where the verdict changes, ascending: none, one or two probabilities; see `Ranges.limits`. */
export function limitsOf({ negative_below: below, positive_from: start }) {
  return [...new Set([below, start].filter(Boolean))].sort((a, b) => a - b);
}

function kindsOf(d, say, texts, named) {
  if (d.label !== d.positive || d.findings.length || Object.keys(d.probabilities).length < 3) return "";
  if (d.subtype !== null) return say("kind", { kind: d.subtype, share: fixed(d.probabilities[d.subtype], 2) });
  if (!d.kinds.length) return texts.kind_unclear;
  const [last, ...rest] = d.kinds.map(named).reverse();
  return say("kinds_unclear", { kinds: rest.length ? rest.reverse().join(", ") + texts.or + last : last });
}

function findingWords(finding, say) {
  const names = { negative: say("absent", {}), unclear: say("not_clear", {}), positive: say("present", {}) };
  const values = { p: fixed(finding.probability, 3), ranges: rangesText(finding, names, say) };
  return say(finding.undetermined ? "finding_unclear" : "finding", values);
}

const withoutStop = (sentence) => sentence.replace(/\.+$/, "");

/** The text with a capital letter. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The text with a capital letter and a full stop; "" stays "". */
export function sentence(text) {
  const body = withoutStop(text.trim());
  return body && `${capital(body)}.`;
}

/**
 * Why the film is outside the population that the model knows, of the gate's reasons; else undefined. A site
 * profile was made on such films.
 */
export const outsideReason = (reasons, profile = null) => (profile === null ? reasons.find(({ code }) => code === OUTSIDE) : undefined);

/** What sets the verdict apart from others, see `wording.marks`. */
function marksOf(d, texts) {
  const outside = outsideReason(d.gate.reasons, d.profile) !== undefined;
  const named = { mark_forced: d.forced, mark_outside: outside, mark_noted: d.gate.level === "note" && !outside };
  return Object.keys(named).filter((name) => named[name]).map((name) => texts[name]);
}

/** A sentence with values put in, as readers see them. */
export function filled(template, values, sentences) {
  return template.replaceAll(/\{(\w+)\}/g, (_, name) => shown(String(values[name]), sentences));
}

/** A code or a number as readers see it; see `shown` of pneumoscope/decision/sentences.py. */
function shown(value, { names = {}, decimal = "." }) {
  if (Object.hasOwn(names, value)) return names[value];
  if (decimal === ".") return value;
  return value.replace(/^(-?\d+)\.(\d+(?:e[-+]\d+)?%?)$/, `$1${decimal}$2`).replace(/(\d)%$/, "$1 %");
}
