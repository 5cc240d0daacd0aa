// The verdict of one film, in words, colour and figures.

import { button, h, icon } from "./dom.js";
import { menu } from "./menu.js";
import { t } from "./texts.js";
import * as words from "./words.js";

/** What stands in the panel for a line of the list. `acts` has reveal, retry, force and downloads. */
export function verdictPanel(row, acts) {
  if (!row) return h("div", { class: "verdict calm" }, h("p", { class: "soft" }, t("verdict.none")));
  if (row.archive && row.state !== "failed") return archive(row);
  if (row.active || row.state === "cancelled") return pending(row, acts);
  if (row.state === "failed") return failed(row, acts);
  if (!row.revealed) return unseen(row, acts);
  return row.record.result.label === "REFUSED" ? refused(row, acts) : judged(row, acts);
}

function frame(state, row, ...children) {
  return h("div", { class: `verdict state-${state}` }, h("p", { class: "film-name", title: row.name }, row.name), children);
}

function headline(state, label, mark = "") {
  return h("h2", { class: "headline" }, icon(state), h("span", {}, label), mark && h("small", {}, mark));
}

function archive(row) {
  return frame("waiting", row, headline("archive", t("verdict.archive")), h("p", { class: "lead" }, t("verdict.archiveLead", row.archive)));
}

function pending(row, acts) {
  const again = row.state === "cancelled" && row.file;
  return frame(
    "waiting",
    row,
    h("p", { class: "lead soft" }, t(`verdict.${row.state}`)),
    row.active && h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    again && button("retry", t("verdict.again"), () => acts.retry(row)),
  );
}

/** The film first: nothing of the verdict is on the page yet. */
function unseen(row, acts) {
  return frame(
    "waiting",
    row,
    h("h2", { class: "headline plain" }, t("reveal.title")),
    h("p", { class: "lead soft" }, t("reveal.lead")),
    h("div", { class: "reveal-line", hidden: !acts.moment, "aria-hidden": "true" }, h("i", { style: { "animation-duration": `${acts.moment}ms` } })),
    button("eye", t("reveal.show"), () => acts.reveal(row), { key: t("keys.space"), class: "primary" }),
  );
}

function failed(row, acts) {
  const problem = row.problem ?? {};
  return frame(
    "failed",
    row,
    headline("failed", t("verdict.failed")),
    h("p", { class: "lead" }, happened(problem)),
    problem.hint && h("p", { class: "hint" }, problem.hint),
    row.file && h("div", { class: "actions" }, button("retry", t("verdict.retry"), () => acts.retry(row))),
  );
}

/** What happened, without the stand-in for the film's name that the server puts before it. */
export function happened(problem) {
  return words.sentence((problem?.detail || problem?.title || "").replace(/^film: /, ""));
}

function refused(row, acts) {
  return frame(
    "refused",
    row,
    headline("refused", row.record.result.label),
    h("p", { class: "lead" }, words.wordsOf(row.record.result).refused),
    reasonList(row.record.result),
    more(row.record),
    h(
      "div",
      { class: "actions" },
      downloads(row.record, acts),
      row.file && button("warning", t("verdict.force"), () => acts.force(row), { title: t("verdict.forceTitle") }),
    ),
  );
}

function judged(row, acts) {
  const { record } = row;
  const { result } = record;
  const state = words.stateOf(record);
  const said = words.wordsOf(result);
  return frame(
    state,
    row,
    headline(state, result.label, result.forced ? t("verdict.forced") : ""),
    said.forced && h("p", { class: "lead" }, said.forced),
    said.why_undetermined && h("p", { class: "lead" }, words.sentence(said.why_undetermined)),
    probability(result),
    h("p", { class: "quiet" }, said.call),
    facts(record),
    reasonList(result),
    result.warnings.map((text) => h("p", { class: "mind" }, icon("warning"), h("span", {}, words.sentence(text)))),
    more(record),
    h(
      "div",
      { class: "actions" },
      downloads(record, acts),
      row.file && button("retry", t("verdict.reread"), () => acts.retry(row), { title: t("verdict.rereadTitle") }),
    ),
  );
}

/** Number and bar. The bar shows what is compared with the operating point: the unadjusted figure. */
export function probability(result, { compact = false } = {}) {
  const { threshold, name } = result.operating_point;
  const at = `${(100 * threshold).toFixed(2)}%`;
  const { subject, prevalence } = words.wordsOf(result);
  const shown = words.pPositive(result).toFixed(3);
  return h(
    "div",
    { class: `probability ${compact ? "compact" : ""}` },
    h("p", { class: "number" }, h("strong", {}, shown), h("span", {}, t("verdict.probability", { subject }))),
    h(
      "div",
      {
        class: "bar",
        role: "meter",
        "aria-label": t("verdict.probability", { subject }),
        "aria-valuemin": 0,
        "aria-valuemax": 1,
        "aria-valuenow": result.p_unadjusted.toFixed(3),
        "aria-valuetext": t("verdict.meter", { p: result.p_unadjusted.toFixed(3), point: name, threshold: words.thresholdText(threshold) }),
      },
      h("i", { style: { width: `${(100 * result.p_unadjusted).toFixed(2)}%` } }),
      h("b", { style: { left: at } }),
    ),
    h(
      "div",
      { class: "scale", "aria-hidden": "true" },
      h("span", {}, "0"),
      // The caption of a threshold near an end must stay within the bar.
      h("span", { class: "point", style: { left: `${Math.min(Math.max(100 * threshold, 22), 78)}%` } }, `${name} ${words.thresholdText(threshold)}`),
      h("span", {}, "1"),
    ),
    prevalence && h("p", { class: "quiet" }, prevalence),
  );
}

function facts(record) {
  const { result } = record;
  const { kinds } = words.wordsOf(result);
  const heat = words.heatmapState(record);
  return h(
    "dl",
    { class: "facts" },
    result.error_rate !== null && !result.findings.length && fact(t("verdict.set"), chips(result), t("verdict.setAt", { share: words.percent(result.error_rate) })),
    kinds && fact(t("verdict.kind"), kinds[0].toUpperCase() + kinds.slice(1)),
    fact(t("verdict.heatmap"), heat.why || t("verdict.heatmapFor", { name: result.heatmap_class }), heat.detail),
  );
}

function fact(name, value, detail = "") {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, detail && h("span", { class: "quiet" }, detail)));
}

/** Both classes, those of the conformal set marked. */
function chips(result) {
  const set = new Set(result.classes);
  const chip = (name, state) => {
    const inside = set.has(name);
    return h("span", { class: `chip state-${state} ${inside ? "in" : "out"}` }, inside && icon(state), name, h("span", { class: "hearing" }, t(inside ? "verdict.inSet" : "verdict.notInSet")));
  };
  return h("span", { class: "chips" }, chip("NORMAL", "normal"), chip(result.positive, "positive"));
}

function reasonList(result) {
  const found = words.reasons(result);
  if (!found.length) return null;
  return h(
    "ul",
    { class: "reasons" },
    found.map((reason) => h("li", { class: reason.level }, reason.sentence, reason.hint && h("span", { class: "hint" }, reason.hint))),
  );
}

function downloads(record, acts) {
  return menu("download", t("download.one"), () => acts.downloads(record));
}

function more(record) {
  const { result } = record;
  const { promise, findings } = words.wordsOf(result);
  const film = result.film;
  const shares = Object.entries(result.probabilities ?? {});
  const lines = [
    ...(result.findings ?? []).map(({ name }, at) => [name, findings[at]]),
    ...(result.findings?.length ? [] : shares.map(([name, share]) => [t("verdict.share", { name }), share.toFixed(3)])),
    [t("facts.film"), t("facts.size", { columns: film.columns, rows: film.rows, bits: film.bits, format: film.format })],
    film.view_position && [t("facts.view"), film.view_position],
    film.age_years !== undefined && [t("facts.age"), t("facts.years", { years: Number(film.age_years.toFixed(1)) })],
    [t("facts.read"), new Date(record.created).toLocaleString()],
    [t("facts.time"), t("facts.ms", { ms: Math.round(Object.values(result.timings_ms).reduce((sum, ms) => sum + ms, 0)) })],
    [t("facts.model"), result.bundle],
    [t("facts.hash"), h("code", { title: result.bundle_sha256 }, result.bundle_sha256.slice(0, 12))],
    result.profile && [t("facts.profile"), result.profile],
  ].filter(Boolean);
  return h(
    "details",
    { class: "more" },
    h("summary", {}, t("verdict.more"), icon("chevron")),
    promise && h("p", { class: "quiet" }, promise),
    h("table", {}, h("tbody", {}, lines.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))))),
  );
}
