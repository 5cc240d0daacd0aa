// The verdict of one film, with its figures, reasons and downloads.

import { ageIn } from "./ages.js";
import { callForm, callLine } from "./calls.js";
import { confirm } from "./dialog.js";
import { button, h, icon } from "./dom.js";
import { labelMenu } from "./labels.js";
import { action, menu } from "./menu.js";
import { dateTime, fixed, general, thresholdTexts } from "./locale.js";
import * as plain from "./numbers.js";
import { capital, sentence } from "./sentences.js";
import { nameOf, t } from "./texts.js";
import * as words from "./words.js";

/** Captions closer than this, in percent of the line, would lie on each other. */
const CLOSE = 22;

/**
 * The content of the panel for a row of the list. `actions` has reveal(), retry(), force(),
 * downloads(record), call(call, note) in reader mode, else null, agreement() if all calls have been made,
 * else null, bundleOf(result), a sentence on the bundle that made it or "", and `delay`, the
 * milliseconds until the verdict is revealed, or 0.
 */
export function verdictPanel(row, actions) {
  if (!row) return h("div", { class: "verdict" }, h("p", { class: "muted" }, t("verdict.none")));
  if (row.archive && row.state !== "failed") return archive(row);
  if (row.active || row.state === "cancelled") return pending(row, actions);
  if (row.state === "failed") return failed(row, actions);
  if (!row.revealed) return unrevealed(row, actions);
  return row.record.result.label === "REFUSED" ? refused(row, actions) : judged(row, actions);
}

function frame(state, row, ...children) {
  return h("div", { class: `verdict state-${state}` }, h("p", { class: "film-name", title: row.name }, row.name), children);
}

/** The verdict with its marks; a banner above it says that a film is outside the population. */
function headline(state, label, marks = []) {
  return h("h2", { class: "headline" }, icon(state), h("span", {}, label), marks.map((name) => h("small", { class: `mark ${name}` }, t(`marks.${name}`))));
}

/** Badges that set a verdict apart from others, for a list. */
export function badges(result) {
  return words.marksOf(result).map((name) => h("span", { class: `badge ${name}` }, t(`marks.${name}`)));
}

/** Says above all figures that the film is outside the population that the model knows; null if it is not. */
export function outsideBanner(result) {
  const outside = words.outsideOf(result);
  if (!outside) return null;
  return h(
    "div",
    { class: "outside-banner", role: "note" },
    icon("warning"),
    h("div", {}, h("strong", {}, t("verdict.outside")), h("p", {}, outside)),
  );
}

/** Which bundle made the result, where there are several, and why. */
function readBy(result, { bundleOf }) {
  const sentence = bundleOf(result);
  return sentence && h("p", { class: "read-by secondary" }, sentence);
}

function archive(row) {
  return frame("waiting", row, headline("archive", t("verdict.archive")), h("p", { class: "lead" }, t("verdict.archiveLead", row.archive)));
}

function pending(row, actions) {
  return frame(
    "waiting",
    row,
    h("p", { class: "lead muted" }, t(`verdict.${row.state}`)),
    row.active && h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    row.unread && button("retry", t("verdict.again"), actions.retry),
  );
}

/** A film that has been read; no word of its verdict is on the page yet. */
function unrevealed(row, actions) {
  const { delay, call } = actions;
  if (call) {
    return frame(
      "waiting",
      row,
      h("h2", { class: "headline plain" }, t("calls.label")),
      h("p", { class: "lead muted" }, t("calls.lead")),
      callForm(row.record.result.positive, call),
    );
  }
  return frame(
    "waiting",
    row,
    h("h2", { class: "headline plain" }, t("reveal.title")),
    h("p", { class: "lead muted" }, t("reveal.lead")),
    h("div", { class: "reveal-line", hidden: !delay, "aria-hidden": "true" }, h("i", { style: { "animation-duration": `${delay}ms` } })),
    button("eye", t("reveal.show"), actions.reveal, { key: "proceed", class: "primary", dataset: { reveal: "" } }),
  );
}

function failed(row, actions) {
  const problem = row.problem ?? {};
  return frame(
    "failed",
    row,
    headline("failed", t("verdict.failed")),
    h("p", { class: "lead" }, problemSentence(problem)),
    problem.hint && h("p", { class: "hint" }, problem.hint),
    row.file && h("div", { class: "actions" }, button("retry", t("verdict.retry"), actions.retry)),
  );
}

/** What went wrong, without the "film: " that the server puts in place of the film's name. */
export function problemSentence(problem) {
  return sentence((problem?.detail || problem?.title || "").replace(/^film: /, ""));
}

function refused(row, actions) {
  const { record } = row;
  return frame(
    "refused",
    row,
    outsideBanner(record.result),
    readBy(record.result, actions),
    headline("refused", words.labelOf(record)),
    h("p", { class: "lead" }, words.wordsOf(record.result).refused),
    reasonList(record.result),
    details(record),
    h(
      "div",
      { class: "actions" },
      downloads(record, actions),
      ...ofTheFilm(row, actions),
      row.file && forceMenu(actions),
    ),
  );
}

function judged(row, actions) {
  const { record } = row;
  const { result } = record;
  const state = words.stateOf(record);
  const sentences = words.wordsOf(result);
  return frame(
    state,
    row,
    outsideBanner(result),
    readBy(result, actions),
    headline(state, words.labelOf(record), words.marksOf(result).filter((name) => name !== "outside")),
    callLine(row),
    actions.agreement && button("about", t("calls.open"), actions.agreement, { class: "agreement-button" }),
    sentences.forced && h("p", { class: "lead" }, sentences.forced),
    sentences.why_undetermined && !words.outsideOf(result) && h("p", { class: "lead" }, sentence(sentences.why_undetermined)),
    probability(result),
    h("p", { class: "secondary" }, sentences.call),
    facts(record),
    reasonList(result),
    result.warnings.map((text) => h("p", { class: "warning" }, icon("warning"), h("span", {}, sentence(text)))),
    details(record),
    h(
      "div",
      { class: "actions" },
      downloads(record, actions),
      ...ofTheFilm(row, actions),
      row.file && button("retry", t("verdict.reread"), actions.retry, { title: t("verdict.rereadTitle") }),
      row.file && words.canForce(result) && forceMenu(actions),
    ),
  );
}

/** A menu, and a question after it: a verdict that nobody measured must not come from one click. */
function forceMenu(actions) {
  const force = async () => {
    if (await confirm(t("verdict.forceQuestion"), t("verdict.forceTitle"), t("verdict.force"), "warning")) actions.force();
  };
  return menu("more", t("verdict.others"), () => [action("warning", t("verdict.forceItem"), force)], { iconOnly: true });
}

/** The probability as a number and a bar, with marks where the verdict changes: all on one scale. */
export function probability(result, { compact = false } = {}) {
  const scale = words.scaleOf(result);
  const { subject, prevalence, call } = words.wordsOf(result);
  const label = t("verdict.probability", { subject });
  return h(
    "div",
    { class: `probability ${compact ? "compact" : ""}` },
    h("p", { class: "number" }, h("strong", {}, fixed(words.pPositive(result), 3)), h("span", {}, label)),
    h(
      "div",
      {
        class: "bar",
        role: "meter",
        "aria-label": label,
        "aria-valuemin": 0,
        "aria-valuemax": 1,
        "aria-valuenow": plain.fixed(scale.p, 3),
        "aria-valuetext": t("verdict.meter", { p: fixed(scale.p, 3), ranges: call }),
      },
      barContent(scale),
    ),
    h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, "0"), captions(scale.marks), h("span", {}, "1")),
    prevalence && h("p", { class: "secondary" }, prevalence),
  );
}

/** The probability, a bracket around UNDETERMINED, and the places where the verdict changes. */
export function barContent({ p, marks, unclear }) {
  return [
    h("i", { style: { width: `${100 * p}%` } }),
    unclear && h("u", { style: { left: `${100 * unclear[0]}%`, right: `${100 - 100 * unclear[1]}%` } }),
    marks.map((mark) => h("b", { style: { left: `${100 * mark}%` } })),
  ];
}

/** The figures of the marks, below them; in one caption where they are too close for two. */
function captions(marks) {
  const texts = thresholdTexts(marks);
  const places = marks.map((mark) => 100 * mark);
  if (marks.length === 2 && places[1] - places[0] < CLOSE) return caption((places[0] + places[1]) / 2, `${texts[0]} – ${texts[1]}`, 25);
  return places.map((place, i) => caption(place, texts[i], 10));
}

/** A caption at a place of the line, in percent, `margin` from its ends: the same share of its width is before that place. */
function caption(place, text, margin) {
  const at = Math.min(Math.max(place, margin), 100 - margin);
  return h("span", { class: "point", style: { left: `${at}%`, transform: `translateX(-${at}%)` } }, text);
}

function facts(record) {
  const { result } = record;
  const { kinds, zones } = words.wordsOf(result);
  const heatmap = words.heatmapState(record);
  return h(
    "dl",
    { class: "facts" },
    result.error_rate !== null && !result.findings.length && fact(t("verdict.set"), chips(result), t("verdict.setAt", { percent: general(100 * result.error_rate, 3) })),
    kinds && fact(t("verdict.kind"), capital(kinds)),
    fact(t("verdict.heatmap"), heatmap.why || t("verdict.heatmapFor", { name: words.wordsOf(result).heatmap_for }), heatmap.detail),
    zones && fact(t("verdict.zones"), capital(zones)),
  );
}

function fact(name, value, detail = "") {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, detail && h("span", { class: "secondary" }, detail)));
}

/** Both classes; those in the conformal set are marked. */
function chips(result) {
  const chip = (name, state) => {
    const inside = result.classes.includes(name);
    const spoken = h("span", { class: "visually-hidden" }, t(inside ? "verdict.inSet" : "verdict.notInSet"));
    return h("span", { class: `chip state-${state} ${inside ? "in" : "out"}` }, inside && icon(state), nameOf(name), spoken);
  };
  return h("span", { class: "chips" }, chip("NORMAL", "normal"), chip(result.positive, "positive"));
}

function reasonList(result) {
  const reasons = words.reasons(result);
  if (!reasons.length) return null;
  const item = ({ level, sentence, hint }) => h("li", { class: level }, sentence, hint && h("span", { class: "hint" }, hint));
  return h("ul", { class: "reasons" }, reasons.map(item));
}

/** Labels of the film, and earlier films of its patient, if they are known. */
function ofTheFilm(row, actions) {
  return [labelMenu(row, actions.label), actions.priors && button("compare", t("verdict.priors"), actions.priors, { iconOnly: true })];
}

function downloads(record, actions) {
  return menu("download", t("download.one"), () => actions.downloads(record));
}

/** Figures and facts that are shown on request. */
function details(record) {
  const { result } = record;
  const { promise } = words.wordsOf(result);
  return h(
    "details",
    { class: "more" },
    h("summary", {}, t("verdict.more"), icon("chevron")),
    promise && h("p", { class: "secondary" }, promise),
    h("table", {}, h("tbody", {}, detailLines(record).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))))),
  );
}

function ageText(years) {
  const [unit, count] = ageIn(years);
  return t(`facts.${unit}`, { age: general(count, 3) });
}

function detailLines(record) {
  const { result } = record;
  const { film } = result;
  const { findings } = words.wordsOf(result);
  const probabilities = result.findings?.length
    ? result.findings.map(({ name }, index) => [nameOf(name), findings[index]])
    : Object.entries(result.probabilities ?? {}).map(([name, share]) => [t("verdict.share", { name: nameOf(name) }), fixed(share, 3)]);
  const milliseconds = Object.values(result.timings_ms).reduce((sum, ms) => sum + ms, 0);
  return [
    ...probabilities,
    [t("facts.film"), t("facts.size", { columns: film.columns, rows: film.rows, bits: film.bits, format: film.format })],
    film.view_position && [t("facts.view"), film.view_position],
    film.age_years != null && [t("facts.age"), ageText(film.age_years)],
    [t("facts.read"), dateTime(record.created)],
    [t("facts.time"), t("facts.ms", { ms: fixed(milliseconds, 0) })],
    [t("facts.model"), result.bundle],
    [t("facts.hash"), h("code", { title: result.bundle_sha256 }, result.bundle_sha256.slice(0, 12))],
    result.profile && [t("facts.profile"), result.profile],
  ].filter(Boolean);
}
