// The films that were added or opened since the page was loaded: how far each is, and which is selected.

import { Problem } from "./backend.js";
import { ListView } from "./listview.js";
import { preferences } from "./preferences.js";
import { Row } from "./row.js";
import { formerSitting, keepSitting } from "./sitting.js";
import { t } from "./texts.js";
import { stateOf } from "./words.js";

const PARALLEL = 3; // files that are read at the same time
const MAX_TRIES = 30; // for a file while the back end is busy
const REVEAL_MS = 2000; // for which a film is shown without its verdict
const PRIORS = 100; // films of one patient that are looked through
const ARCHIVE = /\.zip$/i;

const byReader = () => preferences.get("reader");

/** Dispatches "rows" after rows were added or removed, "row" and "finished" (detail: the row), "select". */
export class Worklist extends EventTarget {
  rows = [];
  selected = null;
  maxBytes = Infinity;
  /** Which films are shown, and in which order. */
  view = new ListView();
  /** Key of the patient of the films that are added next; "" if it is not known. */
  patient = "";
  #unseen = new Set(); // ids of results that were removed from the list before their verdict was shown
  #restored = false; // whether films with a group were put back after a reload
  #groups = new Map(); // of `Row`, by the key of the patient
  #lastGroup = 0;
  #started = false;
  #onStage = true;

  /** backend: a `Backend`, see backend.js; bundles: the `Bundles` that it offers. */
  constructor(backend, bundles) {
    super();
    Object.assign(this, { backend, bundles });
    this.view.addEventListener("change", () => this.#dispatch("rows"));
  }

  /** The rows that are shown, in order. */
  get shown() {
    return this.view.shown(this.rows, this.selected);
  }

  /** How far all films are, {done, count, share}: those of archives count as soon as their number is known. */
  get progress() {
    const archives = this.rows.filter((row) => row.archive);
    const films = this.rows.filter((row) => !row.archive);
    // Films of an archive get their row when they have been read.
    const missing = archives.filter((row) => row.active).reduce((sum, row) => sum + row.archive.total - row.archive.done, 0);
    const done = films.filter((row) => !row.active).length;
    const begun = films.filter((row) => row.active).reduce((sum, row) => sum + (row.state === "sending" ? row.progress / 2 : row.state === "reading" ? 0.5 : 0), 0);
    const count = films.length + missing;
    return { done, count, share: count ? (done + begun) / count : 0 };
  }

  /** Starts to read; called when it is known which bundles and settings the back end offers. */
  start() {
    this.#started = true;
    for (const row of this.rows) row.bundle = preferences.bundle;
    this.#startNext();
  }

  /** Puts the films of the sitting before a reload back into the list. */
  async restore() {
    const { films, selected, unseen } = await formerSitting(this.backend);
    this.#unseen = new Set(unseen);
    this.#restored = films.some(({ group }) => group);
    for (const { record, revealed, call, labels = [], group = 0 } of films) {
      const row = Object.assign(new Row(record.film.name), { call, labels, group });
      this.#lastGroup = Math.max(this.#lastGroup, group);
      this.rows.push(row);
      this.#finish(row, record, revealed);
    }
    this.#keep(); // without films that this reader does not have
    if (!films.length) return;
    this.#dispatch("rows");
    this.select(this.rows.find((row) => row.record?.id === selected) ?? this.rows[0]);
  }

  /** Adds files, which are read in turn. */
  add(files) {
    const added = [...files].map((file) => Object.assign(new Row(file.name, file), { bundle: preferences.bundle, patient: this.patient, group: this.#group() }));
    this.rows.push(...added);
    this.#dispatch("rows");
    if (!this.selected && added.length) this.select(added[0]);
    this.#refuseTooLarge(added);
    this.#startNext();
  }

  /** Fails files that the back end would refuse after all of them was sent. */
  #refuseTooLarge(rows) {
    const problem = new Problem({ title: t("problems.tooLarge"), detail: t("problems.tooLargeDetail"), hint: t("problems.tooLargeHint") });
    for (const row of rows) if (row.file.size > this.maxBytes) this.#fail(row, problem);
  }

  /** Opens a film of the history, with its verdict; in reader mode the reader's call comes first. */
  open(record) {
    let row = this.rows.find((candidate) => candidate.record?.id === record.id);
    if (!row) {
      row = new Row(record.film.name);
      this.rows.unshift(row);
      this.#unseen.delete(record.id);
      this.#finish(row, record, !byReader());
      this.#dispatch("rows");
    }
    this.reveal(row);
    this.select(row);
  }

  select(row) {
    if (this.selected === row) return;
    const before = this.selected;
    // A film that has left the stage has not been looked at for as long as it must be.
    if (before) clearTimeout(before.timer);
    this.selected = row;
    this.#keep();
    if (before) this.#dispatch("row", before);
    this.#dispatch("select");
  }

  /** Selects the first row, or the last. */
  selectEnd(last) {
    const row = this.shown.at(last ? -1 : 0);
    if (row) this.select(row);
  }

  /** The film that most readers open next: the one below the selected film, if it has been read. */
  get next() {
    const { shown } = this;
    const row = shown[shown.indexOf(this.selected) + 1];
    return row?.record?.state === "done" ? row.record : null;
  }

  /** Selects the row `by` places further down. */
  step(by) {
    const { shown } = this;
    const index = shown.indexOf(this.selected) + by;
    const next = shown[Math.min(Math.max(index, 0), shown.length - 1)];
    if (next) this.select(next);
  }

  /** Shows a verdict; in reader mode not before the reader's call. Returns whether it is shown. */
  reveal(row) {
    clearTimeout(row.timer);
    if (row.revealed || row.state !== "done") return row.revealed;
    if (byReader() && !row.call) return false;
    this.#change(row, { revealed: true });
    this.#keep();
    return true;
  }

  /** Records the reader's call, and shows the verdict. */
  call(row, call, note = "") {
    if (row.revealed || row.state !== "done" || row.archive) return;
    row.call = { call, note, at: new Date().toISOString() };
    this.reveal(row);
  }

  #group() {
    if (!this.patient) return 0;
    if (!this.#groups.has(this.patient)) this.#groups.set(this.patient, (this.#lastGroup += 1));
    return this.#groups.get(this.patient);
  }

  /** Sets the labels of a film. */
  label(row, labels) {
    this.#change(row, { labels });
    this.#keep();
  }

  /** Whether the verdict of a record must not be shown anywhere yet. */
  hides({ id, state, result }) {
    const row = this.rows.find((candidate) => candidate.record?.id === id);
    if (row) return state === "done" && !row.revealed;
    if (this.#unseen.has(id)) return true;
    return byReader() && state === "done" && result.label !== "REFUSED";
  }

  /** Whether the reader sees the selected film: the time until its verdict runs only then. */
  setOnStage(onStage) {
    this.#onStage = onStage;
    if (!this.selected) return;
    if (!onStage) clearTimeout(this.selected.timer);
    else this.#dispatch("row", this.selected);
  }

  /** The film is shown. Returns the milliseconds until its verdict follows; 0 if the reader must ask for it. */
  filmShown(row) {
    clearTimeout(row.timer);
    const waits = preferences.get("reveal") === "moment" && !(byReader() && !row.call);
    if (row.revealed || row.state !== "done" || !waits || !this.#onStage || row !== this.selected) return 0;
    row.timer = setTimeout(() => this.reveal(row), REVEAL_MS);
    return REVEAL_MS;
  }

  cancel(row) {
    if (!row.active) return;
    row.stop?.();
    this.#change(row, { state: "cancelled", progress: 0, stop: null });
    this.#startNext();
  }

  cancelAll() {
    for (const row of this.rows) this.cancel(row);
  }

  /** Reads a film again with the chosen bundle and settings; `force` asks the bundle that refused it for a verdict. */
  retry(row, { force = false } = {}) {
    if (!row.file || row.active) return;
    if (!force) row.bundle = preferences.bundle;
    this.#remember(row);
    Object.assign(row, { force, tries: 0, seen: row.wasSeen, record: null, problem: null, archive: null, revealed: false });
    this.#change(row, { state: "waiting", progress: 0 });
    this.#refuseTooLarge([row]);
    this.#startNext();
  }

  /** Reads all films that failed or were cancelled, for example after the server could not be reached. */
  retryAll() {
    for (const row of this.rows.filter(({ unread }) => unread)) this.retry(row);
  }

  /** Reads all films again whose files the page still has, with the chosen bundle and the current settings. */
  readAllAgain() {
    for (const row of this.rows) if (row.file && !row.active) this.retry(row);
  }

  /** Removes a row; the back end keeps its result, which stays in the history. */
  remove(row) {
    this.cancel(row);
    const index = this.rows.indexOf(row);
    if (index < 0) return;
    const place = this.shown.indexOf(row);
    this.rows.splice(index, 1);
    this.#remember(row);
    this.#keep();
    this.#dispatch("rows");
    if (this.selected === row) {
      this.selected = null;
      // The film that takes its place in the list as it is shown.
      const next = this.shown[Math.min(place, this.shown.length - 1)] ?? this.rows[Math.min(index, this.rows.length - 1)];
      if (next) this.select(next);
      else this.#dispatch("select");
    }
  }

  clear() {
    for (const row of this.rows) {
      row.stop?.();
      this.#remember(row);
    }
    this.rows = [];
    this.selected = null;
    this.#keep();
    this.#dispatch("rows");
    this.#dispatch("select");
  }

  /** Removes films that were deleted in the history: those with these ids, or all. */
  forget(ids = null) {
    const deleted = this.rows.filter((row) => row.record && (!ids || ids.includes(row.record.id)));
    const rest = this.rows.filter((row) => !deleted.includes(row));
    if (!rest.length) return this.clear();
    // So that no film is selected that is about to be removed.
    if (deleted.includes(this.selected)) this.select(rest[0]);
    return deleted.forEach((row) => this.remove(row));
  }

  /** Records of the films that were read. */
  get records() {
    return this.rows.map((row) => row.record).filter((record) => record?.state === "done");
  }

  #startNext() {
    if (!this.#started) return;
    const free = PARALLEL - this.rows.filter((row) => row.stop).length;
    const waiting = this.rows.filter((row) => row.state === "waiting");
    for (const row of waiting.slice(0, Math.max(free, 0))) this.#read(row);
  }

  async #read(row) {
    const archive = ARCHIVE.test(row.name);
    let inserted = 0;
    this.#change(row, { state: "sending", progress: 0 });
    const job = this.backend.read(row.file, { ...preferences.read(row.bundle), ...this.bundles.request(row.bundle), force: row.force, patient: row.patient || null }, {
      // A file that was sent completely is being read.
      sent: (share) => this.#change(row, share < 1 ? { state: "sending", progress: share } : { state: "reading", progress: 1 }),
      accepted: (counts) => {
        this.#setAside(row);
        this.#change(row, { state: "reading", progress: 0, archive: archive || counts.total > 1 ? counts : null });
      },
      film: (record, counts) => {
        if (!row.archive) return this.#finish(row, record);
        row.archive = counts;
        this.#insert(row, (inserted += 1), record);
        return this.#change(row, { state: "reading", progress: counts.total ? counts.done / counts.total : 0 });
      },
    });
    row.stop = job.cancel;
    try {
      await job.ended;
      row.stop = null;
      if (row.archive) this.#change(row, { state: "done", revealed: true, progress: 1 });
      // Deleted in the history before it was read.
      else if (!row.record) this.#change(row, { state: "cancelled", progress: 0 });
    } catch (error) {
      // `cancel` has set the state already, and the row may be in another reading by now.
      if (error.name === "AbortError") return;
      row.stop = null;
      this.#retryOrFail(row, error);
    }
    this.#startNext();
  }

  #retryOrFail(row, error) {
    row.tries += 1;
    if (error.status === 429 && row.tries < MAX_TRIES) {
      const timer = setTimeout(() => {
        row.stop = null;
        this.#change(row, { state: "waiting" });
        this.#startNext();
      }, 1000 * Math.max(1, error.retryAfter));
      this.#change(row, { state: "busy", progress: 0, stop: () => clearTimeout(timer) });
      return;
    }
    this.#fail(row, error instanceof Problem ? error : new Problem({ title: t("problems.unexpected"), detail: String(error.message ?? error) }));
  }

  /** Takes the films of an archive out of the list before they come again. */
  #setAside(archive) {
    const films = this.rows.filter(({ source }) => source === archive);
    if (!films.length) return;
    for (const row of films) this.#remember(row);
    archive.earlier.push(...films);
    if (films.includes(this.selected)) this.select(archive);
    this.rows = this.rows.filter((row) => !films.includes(row));
    this.#keep();
    this.#dispatch("rows");
  }

  /** Inserts a film of an archive `place` rows below it. */
  #insert(archive, place, record) {
    const row = archive.rowOf(record);
    this.rows.splice(this.rows.indexOf(archive) + place, 0, row);
    this.#finish(row, record);
    this.#dispatch("rows");
    if (this.selected === archive) this.select(row);
  }

  #finish(row, record, revealed = false) {
    const failed = record.state === "failed";
    const atOnce = failed || stateOf(record) === "refused" || (preferences.get("reveal") === "once" && !byReader());
    Object.assign(row, { record, stop: null, problem: failed ? record.error : null });
    this.#change(row, { state: failed ? "failed" : "done", progress: 1, revealed: revealed || atOnce || (row.seen && (!byReader() || Boolean(row.call))) });
    this.#keep();
    this.#dispatch("finished", row);
    if (!failed && row.patient && this.#restored) this.#joinGroup(row);
  }

  /** Films before a reload are known by their group only: the back end knows which are of the same patient. */
  async #joinGroup({ patient, group, record }) {
    const ids = (await this.backend.list({ limit: PRIORS, patientOf: record.id }).catch(() => [])).map(({ id }) => id);
    const earlier = this.rows.find((row) => row.group && row.group !== group && ids.includes(row.record?.id));
    if (!earlier) return;
    this.#groups.set(patient, earlier.group);
    for (const row of this.rows) if (row.group === group) row.group = earlier.group;
    this.#keep();
    this.#dispatch("rows");
  }

  /** Before a row loses its result: a verdict that was not shown stays hidden in the history. */
  #remember(row) {
    clearTimeout(row.timer);
    if (row.record?.state === "done" && !row.revealed) this.#unseen.add(row.record.id);
  }

  #keep() {
    keepSitting(this.rows, this.selected, [...this.#unseen]);
  }

  #fail(row, problem) {
    row.record = null;
    this.#change(row, { state: "failed", problem, stop: null, revealed: true });
    this.#dispatch("finished", row);
  }

  #change(row, changes) {
    Object.assign(row, changes);
    this.#dispatch("row", row);
  }

  #dispatch(name, row = null) {
    this.dispatchEvent(new CustomEvent(name, { detail: row }));
  }
}
