// Results as CSV: the table that `pneumoscope predict --csv` prints, see pneumoscope/render/export.py.

import { csvOf } from "./csv.js";
import { fixed } from "./numbers.js";

/**
 * The films as CSV.
 *
 * @param {import("./backend.js").FilmRecord[]} records
 * @param {string[]} labels  Classes or findings of all bundles.
 */
export function csvOfFilms(records, labels) {
  const columns = columnsOf(labels);
  const rows = records.map(({ id, created, film, result, error }) => {
    const cells = result ? columns.map(([, cell]) => cell({ ...result, source: film.name })) : failureCells(columns, film.name, error);
    return [id, created, ...cells];
  });
  return csvOf([["id", "created", ...columns.map(([name]) => name)], ...rows.map((row) => row.map(asBoolean))]);
}

const same = (...names) => names.map((name) => [name, (record) => record[name]]);
const joined = (name) => [name, (record) => (record[name] ?? []).join("; ")];
const number = (name) => [name, (record) => asFloat(record[name])];

function columnsOf(labels) {
  return [
    ...same("source", "label"),
    ["marks", ({ words }) => words.marks.join("; ")],
    ...same("called", "forced", "positive"),
    ...["p_positive", "p_pneumonia", "p_unadjusted", "prevalence"].map(number),
    ...labels.map((label) => [`p_${label}`, ({ probabilities }) => asFloat(probabilities?.[label])]),
    joined("classes"),
    number("error_rate"),
    joined("kinds"),
    ...same("subtype"),
    ["findings", ({ findings }) => (findings ?? []).filter(({ present }) => present).map(({ name }) => name).join("; ")],
    ["operating_point", (record) => record.operating_point.name],
    ["threshold", (record) => asFloat(record.operating_point.threshold)],
    ["gate", ({ gate }) => gate.level],
    ["reasons", ({ gate }) => gate.reasons.map(({ code }) => code).join("; ")],
    joined("warnings"),
    ["explanation_reliable", ({ explanation }) => explanation?.reliable],
    ["explanation_score", ({ explanation }) => asFloat(explanation?.score)],
    ["zones", ({ zones }) => (zones ?? []).map(({ name, share }) => `${name} ${fixed(share, 2)}`).join("; ")],
    ["heatmap_file", () => ""],
    ...same("population", "population_source"),
    ...["error_code", "error", "hint"].map((name) => [name, () => ""]),
    ...same("bundle", "bundle_sha256", "profile"),
  ];
}

function failureCells(columns, source, error) {
  const values = { source, error_code: error.code, error: error.detail, hint: error.hint };
  return columns.map(([name]) => values[name] ?? "");
}

/** A cell; a boolean as Python writes it. */
const asBoolean = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : value);

/** As Python writes a float. */
function asFloat(value) {
  if (value === null || value === undefined) return "";
  if (Number.isInteger(value)) return `${value}.0`;
  return value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}
