// A result for readers: its sentences are the server's (`words` of a result, render/wording.py).

import { outsideReason, sentence } from "./sentences.js";
import { t } from "./texts.js";

const STATES = { NORMAL: "normal", UNDETERMINED: "undetermined", REFUSED: "refused" };

// Results that an earlier version stored have fewer sentences.
const MISSING = { population: "", refused: "", forced: "", prevalence: "", findings: [], no_heatmap: "", zones: "" };

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
  return record.result.label;
}

/** Whether a label is withheld that can be forced: the film is outside the model's population. */
export function canForce({ label, profile, gate }) {
  return label === "UNDETERMINED" && !profile && outsideReason(gate.reasons) !== undefined;
}

/** The sentences about a result. */
export function wordsOf(result) {
  const { label, positive } = result;
  return { ...MISSING, short: label, summary: label, subject: positive.toLowerCase(), ...result.words };
}

/** P(positive), also of a result that an earlier version stored; null if refused. */
export function pPositive(result) {
  return result.p_positive ?? result.p_pneumonia;
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
    detail: sentence(explanation?.sentence ?? ""),
  };
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
