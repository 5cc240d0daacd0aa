// Whether a film may be judged: the same as `report` of pneumoscope/decision/gate.py, which says where the
// numbers come from. No DOM.

import { ageIn } from "./ages.js";
import { general } from "./numbers.js";
import { filled, OUTSIDE } from "./sentences.js";

const SMALL_PX = 80;
const SMALLER_THAN_TRAINED_PX = 128;
const SQUARE = 0.62;
const CERTAIN = 0.9999;
const FAR = 1.25;
const SCREEN = ["photo-of-a-screen", "screenshot"];
const TAKEN_BY = { camera: "photo-of-a-screen", screenshot: "screenshot" };
const SCREEN_NOTE_BY_DEFAULT = 0.05;
const TINT = 0.06;
const QUALITY = { flatness: "low-contrast", saturation: "over-exposed", blur: "too-blurred" };
const FOREIGN = ["not-a-radiograph", "not-a-chest"];
const LATERAL = ["LL", "RL", "LATERAL", "LLD", "RLD"];
const CHEST = ["CHEST", "THORA", "TORA", "LUNG"];

/**
 * The reasons of the gate against a film, or notes on it; the gravest first.
 *
 * @param {object} rules  Of `rulesOf`.
 * @param {object} scores  Measurement to value.
 * @param {object} facts  What the film's file says about it.
 * @param {object} sentences  Those of a language; see sentences.py.
 */
export function gateReasons(rules, scores, facts, sentences) {
  const texts = sentences.gate;
  const say = (name, values) => filled(texts[name], values, sentences);
  const reason = (code, level, sentence = texts.reasons[code].sentence) => ({
    code, level, sentence, hint: texts.reasons[code].hint,
  });
  const reasons = [
    ...ofSize(facts, say, reason),
    ...ofFile(facts, say, reason),
    ...ofPicture(rules.gateLimits ?? {}, scores, facts, texts, reason),
    ...ofHeader(rules.population, facts, say, reason),
  ];
  return [...reasons.filter((r) => r.level === "refuse"), ...reasons.filter((r) => r.level !== "refuse")];
}

function ofSize({ rows, columns }, say, reason) {
  const side = Math.min(rows, columns);
  if (side >= SMALLER_THAN_TRAINED_PX) return [];
  return [reason("too-small", side < SMALL_PX ? "refuse" : "note", say("small", { rows, columns }))];
}

function ofFile({ missing_rows: missing, rows }, say, reason) {
  if (missing === undefined || missing === null) return [];
  return [reason("truncated", "note", missing ? say("truncated", { missing, rows }) : undefined)];
}

function ofPicture(limits, scores, facts, texts, reason) {
  const above = (name, score = name) => name in limits && (scores[score] ?? 0) > limits[name];
  const tint = facts.tint ?? 0;
  const spoilt = Object.keys(QUALITY).filter((name) => above(name)).map((name) => QUALITY[name]);
  const reasons = [];
  if (tint > TINT) {
    reasons.push(reason("not-a-radiograph", "refuse", texts.coloured));
  } else if (above("unsuitable")) {
    const kind = likeliest(scores, texts);
    const far = FOREIGN.includes(kind) && above("distance") && scores.distance > FAR * limits.distance;
    if (!spoilt.length || far || scores[kind] > CERTAIN) reasons.push(reason(ofShape(kind, facts), "refuse"));
  } else if ((above("one-lung") || above("lung-doubt")) && !spoilt.length) {
    reasons.push(reason(ofShape("not-frontal", facts), "refuse"));
  } else if (above("distance") && !spoilt.length) {
    reasons.push(reason(OUTSIDE, "refuse"));
  } else {
    if (above("other-population")) reasons.push(reason(OUTSIDE, "note", texts.other_patients));
    else if (above("distance-note", "distance")) reasons.push(reason(OUTSIDE, "note"));
    const upright = (facts.row_direction ?? "").startsWith("L");
    if (above("mirrored")) reasons.push(reason("mirrored", upright ? "refuse" : "note"));
    const screen = SCREEN.reduce((sum, kind) => sum + (scores[kind] ?? 0), 0);
    if (facts.taken_by) reasons.push(reason(TAKEN_BY[facts.taken_by], "note", texts[`taken_by_${facts.taken_by}`]));
    else if (facts.grey_side) reasons.push(reason("screenshot", "note", texts.grey_side));
    else if (facts.screen_grid || screen > (limits["screen-note"] ?? SCREEN_NOTE_BY_DEFAULT)) reasons.push(reason("photo-of-a-screen", "note", texts.screen));
  }
  reasons.push(...spoilt.map((code) => reason(code, "refuse")));
  if (facts.colour && tint <= TINT) reasons.push(reason("not-a-radiograph", "note", texts.tinted));
  return reasons;
}

function likeliest(scores, texts) {
  const kinds = Object.keys(scores).filter((name) => name in texts.reasons && name !== "mirrored");
  return kinds.reduce((best, name) => (scores[name] > scores[best] ? name : best));
}

const ofShape = (kind, { rows, columns }) => (kind === "not-frontal" && columns < SQUARE * rows ? "cropped" : kind);

function ofHeader(population, facts, say, reason) {
  const reasons = [];
  const age = facts.age_years ?? null;
  if (population.age_years && age !== null) {
    const [youngest, oldest] = population.age_years;
    if (!(youngest <= age && age < oldest + 1)) {
      const [unit, count] = ageIn(age);
      const values = { age: general(count, 3), youngest: general(youngest, 6), oldest: general(oldest, 6) };
      reasons.push(reason(OUTSIDE, "note", say(`age_${unit}`, values)));
    }
  }
  const note = (sentence) => reasons.push(reason("header-says-otherwise", "note", sentence));
  const view = (facts.view_position ?? "").toUpperCase();
  if (LATERAL.includes(view)) note(say("lateral", { view }));
  else if (view && population.views.length && !population.views.includes(view)) {
    note(say("view", { view, known: population.views.join(", ") }));
  }
  const part = (facts.body_part ?? "").toUpperCase();
  const words = part.replaceAll("_", " ").split(/\s+/);
  if (part && !words.some((word) => CHEST.some((start) => word.startsWith(start)))) {
    note(say("body_part", { part }));
  }
  return reasons;
}
