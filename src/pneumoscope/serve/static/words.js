// A result in words, the same sentences as on the terminal and in the reports (wording.py).

import { entry, t } from "./texts.js";

const STATES = { NORMAL: "normal", UNDETERMINED: "undetermined", REFUSED: "refused" };

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

/** "5 %", "0.5 %": three significant digits at most. */
export function percent(share) {
  return `${Number((100 * share).toPrecision(3))} %`;
}

/** A threshold: "0.433", or "2.5e-4" of a rare finding, which is not 0. */
export function thresholdText(threshold) {
  return threshold >= 0.001 ? threshold.toFixed(3) : threshold.toExponential(1);
}

export function sentence(text) {
  const body = text.replace(/[.\s]+$/, "");
  return body ? `${body[0].toUpperCase()}${body.slice(1)}.` : "";
}

/** What the probability is of. */
export function subjectOf(result) {
  return result.findings?.[0]?.name ?? result.positive.toLowerCase();
}

/** What the operating point says. */
export function call(result) {
  const { name, threshold } = result.operating_point;
  const side = result.called === result.positive ? "above" : "below";
  const figure = result.prevalence === null ? "it" : "unadjusted";
  return t(`words.call.${figure}.${side}`, { called: result.called, threshold: thresholdText(threshold), point: name });
}

/** Why neither class is named, or "". */
export function whyUndetermined(result) {
  if (result.label !== "UNDETERMINED" || result.error_rate === null) return "";
  const values = { positive: result.positive, normal: "NORMAL", share: percent(result.error_rate) };
  if (result.findings.length) {
    const names = result.findings.filter((finding) => finding.undetermined).map((finding) => finding.name);
    return t("words.unclear.findings", { names: names.join(", ") });
  }
  if (result.classes.length === 2) return t("words.unclear.both", values);
  if (!result.classes.length) return t("words.unclear.neither", values);
  const key = result.called === result.positive ? "reaches" : "below";
  return t(`words.unclear.${key}`, { only: result.classes[0], point: result.operating_point.name });
}

/** What the conformal sets promise, or "". */
export function promise(result) {
  if (result.error_rate === null) return "";
  const key = result.profile ? "profile" : "validation";
  return t(`words.promise.${key}`, { share: percent(result.error_rate) });
}

/** The kind of disease, or that it is not clear, or "". */
export function kinds(result) {
  const names = Object.keys(result.probabilities);
  if (result.label !== result.positive || result.findings.length || names.length < 3) return "";
  if (result.subtype) {
    return t("words.kinds.one", { kind: result.subtype, p: result.probabilities[result.subtype].toFixed(2) });
  }
  if (!result.kinds.length) return t("words.kinds.none");
  return t("words.kinds.several", { kinds: result.kinds.join(t("words.or")) });
}

/** The gate's reasons as {sentence, hint}; a language may have its own words for a code. */
export function reasons(result) {
  return result.gate.reasons.map((reason) => ({
    level: reason.level,
    sentence: sentence(entry(`gate.${reason.code}.sentence`) ?? reason.sentence),
    hint: entry(`gate.${reason.code}.hint`) ?? reason.hint,
  }));
}

/** Whether the film has a heatmap that may be shown, and what to say in its place if not. */
export function heatmapState(record) {
  const result = record?.result;
  if (!result) return { shown: false, why: "" };
  if (result.label === "REFUSED") return { shown: false, why: t("heatmap.refused") };
  if (!result.explanation) return { shown: false, why: t("heatmap.notAsked") };
  if (!result.explanation.reliable) {
    return { shown: false, why: t("heatmap.unreliable"), detail: sentence(result.explanation.sentence) };
  }
  return { shown: true, why: "", detail: sentence(result.explanation.sentence) };
}

/** P(positive), also of a result that a server of the former version stored; null if refused. */
export function pPositive(result) {
  return result.p_positive ?? result.p_pneumonia;
}

/** One line that a screen reader hears when a film is done. */
export function spoken(record) {
  const name = record.film.name;
  if (record.state === "failed") return t("spoken.failed", { name, title: record.error?.detail ?? "" });
  const result = record.result;
  if (result.label === "REFUSED") return t("spoken.refused", { name, reason: reasons(result)[0]?.sentence ?? "" });
  return t("spoken.done", { name, label: result.label, p: pPositive(result).toFixed(3), subject: subjectOf(result) });
}
