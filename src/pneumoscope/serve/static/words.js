// A result for readers: its sentences are the server's (`words` of a result, render/wording.py).

import { heatmapFor, limitsOf, outsideReason, sentence } from "./sentences.js";
import { nameOf, t } from "./texts.js";

const STATES = { NORMAL: "normal", UNDETERMINED: "undetermined", REFUSED: "refused" };

// Results that an earlier version stored have fewer sentences.
const MISSING = { population: "", refused: "", forced: "", prevalence: "", findings: [], no_heatmap: "", zones: "", outside: "" };

/** Which of the colours and icons a record has: its verdict, or "failed", or "waiting". */
export function stateOf(record) {
  if (record?.state === "failed") return "failed";
  if (!record?.result) return "waiting";
  return STATES[record.result.label] ?? "positive";
}

/** The verdict as a heading. */
export function labelOf(record) {
  const state = stateOf(record);
  if (state === "failed") return t("verdict.failed");
  if (state === "waiting") return t("verdict.waiting");
  return nameOf(record.result.label);
}

/** What sets a verdict apart from others: "forced", "outside" and "noted", see `wording.marks`. */
export function marksOf(result) {
  if (!result) return [];
  const outside = isOutside(result);
  const named = { forced: result.forced, outside, noted: result.gate.level === "note" && !outside };
  return Object.keys(named).filter((name) => named[name]);
}

/** The verdict as text, with its marks, for places that have no badges. */
export function markedLabelOf(record) {
  const marks = marksOf(record.result).map((name) => t(`marks.${name}`));
  return marks.length ? t("marks.label", { label: labelOf(record), marks: marks.join(", ") }) : labelOf(record);
}

function isOutside({ gate, profile }) {
  return outsideReason(gate.reasons, profile ?? null) !== undefined;
}

/** Why the film is outside the model's population, in a sentence; "" if it is not. */
export function outsideOf(result) {
  return sentence(outsideReason(result.gate.reasons, result.profile ?? null)?.sentence ?? "");
}

/** Whether a label is withheld that can be forced: the film is outside the model's population. */
export function canForce(result) {
  return result.label === "UNDETERMINED" && isOutside(result);
}

/** The sentences about a result. */
export function wordsOf(result) {
  const { label, positive } = result;
  const words = { ...MISSING, short: label, summary: label, subject: nameOf(positive.toLowerCase()), heatmap_for: nameOf(heatmapFor(result) ?? ""), ...result.words };
  // An earlier version stored a promise and the zones of the heat also where they mean nothing.
  if (result.forced) words.zones = "";
  if (result.forced || isOutside(result)) words.promise = "";
  // It also drew the map of the likelier kind where the kind is undetermined.
  if (result.kinds?.length > 1 && result.kinds.includes(result.heatmap_class)) words.heatmap_for = t("heatmap.oneKind", { name: words.heatmap_for });
  return words;
}

/** P(positive), also of a result that an earlier version stored; null if refused. */
export function pPositive(result) {
  return result.p_positive ?? result.p_pneumonia;
}

/**
 * P(positive) and where UNDETERMINED begins and ends, on one scale: `unclear` is null where no film is, and where
 * every film is. `marks` are the places of the line where the verdict changes. An earlier version stored the operating point only,
 * and with a prevalence not on the scale of the adjusted probability.
 */
export function scaleOf(result) {
  if (isOutside(result) && !result.forced) return { p: pPositive(result), marks: [], unclear: null };
  const leading = result.findings?.[0] ?? result;
  if ((leading.negative_below ?? null) !== null) {
    const { negative_below: below, positive_from: start } = leading;
    const unclear = below === start ? null : [below, start ?? 1];
    return { p: pPositive(result), marks: limitsOf(leading), unclear };
  }
  const adjusted = result.adjusted_threshold ?? null;
  const { threshold } = result.operating_point;
  const [p, mark] = adjusted === null ? [result.p_unadjusted, threshold] : [pPositive(result), adjusted];
  return { p, marks: [mark], unclear: null };
}

/** The gate's reasons as {level, sentence, hint}. */
export function reasons(result) {
  return result.gate.reasons.map((reason) => ({ ...reason, sentence: sentence(reason.sentence) }));
}

/** Whether the film has a heatmap that may be shown, why not, and how well it explains the verdict. */
export function heatmapState(record) {
  const result = record?.result;
  if (!result) return { shown: false, why: "", detail: "" };
  const { explanation } = result;
  return {
    shown: Boolean(explanation?.reliable),
    why: explanation?.reliable ? "" : wordsOf(result).no_heatmap || t("heatmap.none"),
    // Heat on a film that the model must not judge has no meaning.
    detail: result.forced && explanation?.reliable ? "" : sentence(explanation?.sentence ?? ""),
  };
}

/** Whether the heat of a result is that of NORMAL, which has one cool colour. */
export const isHealthy = (result) => result?.called === "NORMAL" && !result.findings?.length;

/** Whether the film's values say more than its picture with 8 bits. */
export function hasDepth(record) {
  const film = record?.result?.film;
  return Boolean(film) && (film.bits > 8 || film.format === "DICOM");
}

/** Whether there is a picture of the lungs' outline. */
export function hasLungs(record) {
  return Boolean(record?.result?.lung_outline);
}

/** One line that a screen reader hears when a film has been read. */
export function spoken(record) {
  const { name } = record.film;
  if (record.state === "failed") return t("spoken.failed", { name, detail: record.error?.detail ?? "" });
  return t("spoken.done", { name, summary: wordsOf(record.result).summary });
}
