// Which films of the list are shown and in which order, and the address of that view: it has no name in it.

import { marksOf, pPositive } from "./words.js";

/** Labels that a reader gives films: few and fixed, so that an address with one names nobody. */
export const LABELS = ["discuss", "teaching", "followUp", "technical"];
export const NOTES = ["forced", "outside", "noted", "called", "commented"];
const OLDEST_FIRST = (a, b) => createdOf(a).localeCompare(createdOf(b));
const score = (row) => (row.revealed && row.record?.result ? pPositive(row.record.result) : null) ?? -1;
const createdOf = (row) => row.record?.created ?? "9999"; // films that are not read yet come last
const ORDERS = {
  added: () => 0,
  highest: (a, b) => score(b) - score(a),
  // Films without a figure come last in both orders.
  lowest: (a, b) => (score(a) < 0) - (score(b) < 0) || score(a) - score(b),
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  newest: (a, b) => -OLDEST_FIRST(a, b),
  oldest: OLDEST_FIRST,
  patient: (a, b) => (a.group === 0) - (b.group === 0) || a.group - b.group || OLDEST_FIRST(a, b),
};
export const ORDER_NAMES = Object.keys(ORDERS);

const EVERYTHING = { verdict: "", note: "", label: "", since: "", prior: "", order: "added" };
// What an address may say; anything else in it is left out.
const VALID = {
  verdict: (value) => /^[\p{L}\p{N} _-]{1,64}$/u.test(value),
  note: (value) => NOTES.includes(value),
  label: (value) => LABELS.includes(value),
  since: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value),
  prior: (value) => value === "yes",
  order: (value) => ORDER_NAMES.includes(value),
};

/** What a row counts as: "waiting", "unread", "ready" (its verdict is not shown yet) or its verdict. */
export function verdictOf(row) {
  if (row.active) return "waiting";
  if (row.state !== "done") return "unread";
  return row.revealed ? (row.record?.result?.label ?? "") : "ready";
}

/** The day of a time in the reader's time zone, as an input of a date has it. */
export function dayOf(iso) {
  const date = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Dispatches "change". */
export class ListView extends EventTarget {
  values = { ...EVERYTHING };
  query = ""; // of names, so it is never in an address

  set(changes) {
    Object.assign(this.values, changes);
    this.dispatchEvent(new Event("change"));
  }

  find(query) {
    this.query = query.trim().toLocaleLowerCase();
    this.dispatchEvent(new Event("change"));
  }

  reset() {
    this.query = "";
    this.set(EVERYTHING);
  }

  /** Whether some films may be left out. */
  get narrows() {
    return Boolean(this.query) || Object.keys(EVERYTHING).some((name) => name !== "order" && this.values[name]);
  }

  /** What differs from the view of all films, as part of an address. */
  get params() {
    return Object.fromEntries(Object.entries(this.values).filter(([name, value]) => value !== EVERYTHING[name]));
  }

  /** Takes the view of an address: an object of strings, of which only what is valid counts. */
  take(params) {
    const known = Object.entries(params).filter(([name, value]) => Object.hasOwn(VALID, name) && VALID[name](value));
    this.set({ ...EVERYTHING, ...Object.fromEntries(known) });
  }

  /** The rows to show, in order. The selected film stays in the list, whatever becomes of its verdict. */
  shown(rows, selected) {
    let kept = rows;
    if (this.narrows) {
      const patients = countsOf(rows.filter((row) => !row.archive).map(({ group }) => group).filter(Boolean));
      kept = rows.filter((row) => row === selected || this.#matches(row, patients));
    }
    return this.values.order === "added" ? kept : [...kept].sort(ORDERS[this.values.order]);
  }

  /** How many films count as each verdict, "" for all. */
  counts(rows) {
    const films = rows.filter((row) => !row.archive);
    return countsOf([...films.map(() => ""), ...films.map(verdictOf)]);
  }

  #matches(row, patients) {
    const { verdict, note, label, since, prior } = this.values;
    if (row.archive) return false;
    if (verdict && verdictOf(row) !== verdict) return false;
    if (note && !notesOf(row).includes(note)) return false;
    if (label && !row.labels.includes(label)) return false;
    if (since && !(row.record && dayOf(row.record.created) >= since)) return false;
    if (prior && !(patients.get(row.group) > 1)) return false;
    return row.name.toLocaleLowerCase().includes(this.query);
  }
}

/** What a row has been marked with; the marks of a verdict only once it is shown. */
function notesOf(row) {
  const marks = row.revealed && row.record?.result ? marksOf(row.record.result) : [];
  return [...marks, ...(row.call ? ["called"] : []), ...(row.call?.note ? ["commented"] : [])];
}

function countsOf(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
