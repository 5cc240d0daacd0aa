// Reader mode: the reader's own call on each film, given before the verdict, and how it agrees.

import { accuracy, agreement, callOf, nameOf, truthOf } from "./agreement.js";
import { csvOf } from "./csv.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, toast } from "./dom.js";
import { fixed } from "./locale.js";
import { nameOf as nameOfCode, t } from "./texts.js";
import * as words from "./words.js";

const ICONS = { normal: "normal", positive: "positive", unsure: "undetermined" };
const ACTIONS = { callNormal: "normal", callPositive: "positive", callUnsure: "unsure" }; // of keys.js

/** How exports name calls and marks, whatever language the page has. */
const EXPORTED = { unsure: "Can't say", forced: "forced", outside: "outside the population", noted: "note" };

/** A call for readers; of a positive one, what the bundle calls it. */
export function callText(call, positive) {
  return call === "unsure" ? t("calls.unsure") : nameOfCode(call === "normal" ? "NORMAL" : positive);
}

/** What a reader answers before the verdict is shown; `record(call, note)` is called with it. */
export function callForm(positive, record) {
  const note = h("textarea", { id: "call-note", rows: 2, maxlength: 500 });
  const choices = Object.entries(ACTIONS).map(([action, call]) =>
    button(ICONS[call], callText(call, positive), () => record(call, note.value.trim()), { key: action, dataset: { call } }),
  );
  return h(
    "div",
    { class: "call-form" },
    h("div", { class: "call-choices", role: "group", "aria-label": t("calls.label") }, choices),
    h("label", { for: "call-note", class: "secondary" }, t("calls.note")),
    note,
  );
}

/** The reader's call beside the verdict; "" if there is none. */
export function callLine(row) {
  if (!row.call || !row.record?.result) return "";
  const { label, positive } = row.record.result;
  const agrees = row.call.call === callOf(label);
  return h(
    "p",
    { class: "call-line secondary" },
    icon(agrees ? "normal" : "about"),
    h("span", {}, t(agrees ? "calls.agrees" : "calls.differs", { call: callText(row.call.call, positive) }), row.call.note && h("em", {}, row.call.note)),
  );
}

/** Films on which the reader made a call and the model gave a verdict or refused. */
function called(rows) {
  return rows.filter((row) => row.call && row.record?.state === "done");
}

/** Whether a call has been made on every film that has one to be made: not on refused or revealed films. */
export function allCalled(rows) {
  const open = (row) => row.hasFilm && (row.active || (row.record?.state === "done" && !row.revealed));
  const films = rows.filter((row) => row.call || open(row));
  return films.length > 0 && films.every((row) => row.call);
}

/** The calls with the verdicts, as CSV; `truths` is null or as `truthOf` returns it. */
export function callsCsv(rows, truths = null) {
  const header = ["film", "call", "note", "called_at", "verdict", "marks", "p_positive", "agrees", "truth", "id", "bundle_sha256"];
  const lines = called(rows).map(({ record, call, name }) => {
    const { result } = record;
    return [
      name,
      EXPORTED[call.call] ?? (call.call === "normal" ? "NORMAL" : result.positive),
      call.note,
      call.at,
      result.label,
      words.marksOf(result).map((mark) => EXPORTED[mark]).join("; "),
      words.pPositive(result),
      call.call === callOf(result.label),
      truths?.get(nameOf(name)) ?? "",
      record.id,
      result.bundle_sha256,
    ];
  });
  return csvOf([header, ...lines]);
}

/** Opens the dialog on the calls: how they agree with the verdicts, and with the truth from a table. */
export function openAgreement(rows, { save }) {
  const films = called(rows);
  let truths = null;
  const results = h("div", { class: "agreement" });
  const draw = () => results.replaceChildren(figures(films, truths));
  const input = h("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv", id: "truth", onchange: () => take() });
  const take = async () => {
    if (!input.files.length) return; // the reader has changed their mind
    const table = truthOf(await input.files[0].text());
    if (!table) {
      toast(t("calls.noTruth"), t("calls.truthHint"), "error");
      return;
    }
    truths = table;
    draw();
  };
  draw();
  const dialog = openDialog(
    t("calls.title"),
    [results, h("div", { class: "field" }, h("label", { for: "truth" }, t("calls.truth")), input, h("p", { class: "secondary" }, t("calls.truthHint")))],
    {
      foot: [
        button("download", t("calls.save"), () => save("calls.csv", callsCsv(rows, truths)), { disabled: !films.length }),
        button("", t("common.done"), () => dialog.close(), { class: "primary" }),
      ],
    },
  );
}

function figures(films, truths) {
  if (!films.length) return h("p", {}, t("calls.none"));
  const verdictOf = ({ record }) => callOf(record.result.label);
  const { films: both, left, agreed, kappa } = agreement(films.map((row) => [row.call.call, verdictOf(row)]));
  const lines = [
    [t("calls.films"), String(films.length)],
    [t("calls.both"), t("calls.of", { right: agreed, of: both })],
    [t("calls.kappa"), kappa === null ? t("calls.undefined") : fixedSigned(kappa)],
    [t("calls.left"), String(left)],
  ];
  if (truths) lines.push(...truthLines(films, truths, verdictOf));
  const body = h("tbody", {}, lines.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))));
  return h("table", {}, body);
}

function truthLines(films, truths, verdictOf) {
  const known = films.filter((row) => truths.has(nameOf(row.name)));
  const rates = (call) => accuracy(known.map((row) => ({ call: call(row), truth: truths.get(nameOf(row.name)) })));
  const text = ({ right, of }) => (of ? `${fixed(right / of, 2)} (${t("calls.of", { right, of })})` : t("calls.undefined"));
  const lines = [[t("calls.known"), String(known.length)]];
  for (const [who, call] of [["reader", (row) => row.call.call], ["model", verdictOf]]) {
    const { sensitivity, specificity } = rates(call);
    lines.push([t(`calls.sensitivity.${who}`), text(sensitivity)], [t(`calls.specificity.${who}`), text(specificity)]);
  }
  return lines;
}

const fixedSigned = (value) => (value < 0 ? `-${fixed(-value, 2)}` : fixed(value, 2));

/** Which call an action of the keyboard means, or undefined. */
export const callOfAction = (action) => ACTIONS[action];
