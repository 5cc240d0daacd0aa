// The films on the page since it was opened: what is read, how far it is, and which film is selected.

import { Problem } from "./backend.js";
import { preferences } from "./preferences.js";
import { t } from "./texts.js";
import { stateOf } from "./words.js";

const AT_ONCE = 3; // files that are read at the same time
const MOST_TRIES = 30; // of a file that the back end is too busy to take
const MOMENT_MS = 1800; // for which a film is shown before its verdict
const ARCHIVE = /\.zip$/i;

let keys = 0;

/**
 * One line of the list. `state` is "waiting", "sending", "reading", "busy", "done", "failed" or
 * "cancelled"; `progress` is in [0, 1]; `revealed` tells whether its verdict may be seen.
 */
class Row {
  key = `row-${(keys += 1)}`;
  state = "waiting";
  progress = 0;
  record = null;
  problem = null;
  revealed = false;
  archive = null; // {done, total} of a ZIP
  tries = 0;
  force = false;
  stop = null; // cancels what is under way

  constructor(name, file = null) {
    this.name = name;
    this.file = file;
  }

  /** Whether it can be read after all. */
  get unread() {
    return Boolean(this.file) && ["failed", "cancelled"].includes(this.state);
  }

  get active() {
    return ["waiting", "sending", "reading", "busy"].includes(this.state);
  }

  /** Whether there is a film to be looked at. */
  get hasFilm() {
    return !this.archive && this.state !== "cancelled";
  }
}

/** Events: "rows" after lines came or went, "row" (detail: the line) after a change, "select". */
export class Worklist extends EventTarget {
  rows = [];
  selected = null;
  mostBytes = Infinity;
  #begun = false;

  /** backend: a `Backend`, see backend.js. */
  constructor(backend) {
    super();
    this.backend = backend;
  }

  /** Begins to read: by then it must be known which settings the back end offers. */
  begin() {
    this.#begun = true;
    this.#pump();
  }

  /** Adds files; they are sent as soon as their turn comes. */
  add(files) {
    const added = [...files].map((file) => new Row(file.name, file));
    this.rows.push(...added);
    this.#tell("rows");
    if (!this.selected && added.length) this.select(added[0]);
    for (const row of added) {
      if (row.file.size > this.mostBytes) {
        this.#fail(row, new Problem({ title: t("problems.tooLarge"), detail: t("problems.tooLargeDetail"), hint: t("problems.tooLargeHint") }));
      }
    }
    this.#pump();
    return added;
  }

  /** Opens a film of the history; its verdict has been seen before. */
  open(record) {
    let row = this.rows.find((one) => one.record?.id === record.id);
    if (!row) {
      row = new Row(record.film.name);
      this.rows.unshift(row);
      this.#finish(row, record, true);
      this.#tell("rows");
    }
    this.reveal(row);
    this.select(row);
  }

  select(row) {
    if (this.selected === row) return;
    const before = this.selected;
    this.selected = row;
    if (before) this.#tell("row", before);
    this.#tell("select");
  }

  /** Selects the line that stands `by` lines further down. */
  step(by) {
    const at = this.rows.indexOf(this.selected);
    const next = this.rows[Math.min(Math.max(at + by, 0), this.rows.length - 1)];
    if (next) this.select(next);
  }

  reveal(row) {
    clearTimeout(row.timer);
    if (row.revealed || row.state !== "done") return;
    row.revealed = true;
    this.#tell("row", row);
  }

  /** The film is in sight: its verdict follows after a moment, if that is what the reader wants. */
  seen(row) {
    if (row.revealed || row.state !== "done" || preferences.get("reveal") !== "moment") return 0;
    clearTimeout(row.timer);
    row.timer = setTimeout(() => this.reveal(row), MOMENT_MS);
    return MOMENT_MS;
  }

  cancel(row) {
    if (!row.active) return;
    row.stop?.();
    this.#change(row, { state: "cancelled", progress: 0, stop: null });
    this.#pump();
  }

  cancelAll() {
    for (const row of this.rows) this.cancel(row);
  }

  /** Reads a film again, with the settings of now; `force` asks for a verdict despite the gate. */
  retry(row, { force = false } = {}) {
    if (!row.file || row.active) return;
    Object.assign(row, { force, tries: 0, record: null, problem: null, archive: null, revealed: false });
    this.#change(row, { state: "waiting", progress: 0 });
    this.#pump();
  }

  /** Reads whatever failed or was cancelled, such as after the server was away. */
  retryAll() {
    for (const row of this.rows.filter((one) => one.unread)) this.retry(row);
  }

  /** Takes a line off the list; what the server holds stays in the history. */
  remove(row) {
    this.cancel(row);
    clearTimeout(row.timer);
    const at = this.rows.indexOf(row);
    if (at < 0) return;
    this.rows.splice(at, 1);
    this.#tell("rows");
    if (this.selected === row) {
      this.selected = null;
      const next = this.rows[Math.min(at, this.rows.length - 1)];
      if (next) this.select(next);
      else this.#tell("select");
    }
  }

  clear() {
    for (const row of this.rows) {
      row.stop?.();
      clearTimeout(row.timer);
    }
    this.rows = [];
    this.selected = null;
    this.#tell("rows");
    this.#tell("select");
  }

  /** Takes films off the list that were deleted in the history: those with these ids, or all. */
  forget(ids = null) {
    const gone = this.rows.filter((row) => row.record && (!ids || ids.includes(row.record.id)));
    const rest = this.rows.filter((row) => !gone.includes(row));
    if (!rest.length) return this.clear();
    // None that is about to go is opened in between.
    if (gone.includes(this.selected)) this.select(rest[0]);
    return gone.forEach((row) => this.remove(row));
  }

  get records() {
    return this.rows.map((row) => row.record).filter((record) => record?.state === "done");
  }

  #pump() {
    if (!this.#begun) return;
    const free = AT_ONCE - this.rows.filter((row) => row.stop).length;
    const waiting = this.rows.filter((row) => row.state === "waiting");
    for (const row of waiting.slice(0, Math.max(free, 0))) this.#send(row);
  }

  async #send(row) {
    const archive = ARCHIVE.test(row.name);
    let inside = 0;
    const reading = this.backend.read(row.file, { ...preferences.readSettings(), force: row.force }, {
      // Once it is sent in full it is being read.
      sent: (share) => this.#change(row, share < 1 ? { state: "sending", progress: share } : { state: "reading", progress: 1 }),
      accepted: (counts) => this.#change(row, { state: "reading", progress: 0, archive: archive || counts.total > 1 ? counts : null }),
      film: (record, counts) => {
        if (!row.archive) return this.#finish(row, record);
        row.archive = counts;
        this.#insert(row, (inside += 1), record);
        return this.#change(row, { state: "reading", progress: counts.total ? counts.done / counts.total : 0 });
      },
    });
    this.#change(row, { state: "sending", progress: 0, stop: reading.cancel });
    try {
      await reading.ended;
      row.stop = null;
      if (row.archive) this.#change(row, { state: "done", revealed: true, progress: 1 });
      // Deleted in the history before it was read.
      else if (!row.record) this.#change(row, { state: "cancelled", progress: 0 });
    } catch (error) {
      // Whoever cancelled has set the state, and may have begun to read the film again.
      if (error.name === "AbortError") return;
      row.stop = null;
      this.#failed(row, error);
    }
    this.#pump();
  }

  #failed(row, error) {
    row.tries += 1;
    if (error.status === 429 && row.tries < MOST_TRIES) {
      const timer = setTimeout(() => {
        row.stop = null;
        this.#change(row, { state: "waiting" });
        this.#pump();
      }, 1000 * Math.max(1, error.retryAfter));
      this.#change(row, { state: "busy", progress: 0, stop: () => clearTimeout(timer) });
      return;
    }
    this.#fail(row, error instanceof Problem ? error : new Problem({ title: t("problems.unexpected"), detail: String(error.message ?? error) }));
  }

  #insert(archive, place, record) {
    const row = new Row(record.film.name);
    this.rows.splice(this.rows.indexOf(archive) + place, 0, row);
    this.#finish(row, record);
    this.#tell("rows");
    if (this.selected === archive) this.select(row);
  }

  #finish(row, record, revealed = false) {
    const failed = record.state === "failed";
    const nothingToSee = failed || stateOf(record) === "refused" || preferences.get("reveal") === "once";
    Object.assign(row, { record, stop: null, problem: failed ? record.error : null });
    this.#change(row, {
      state: failed ? "failed" : "done",
      progress: 1,
      revealed: revealed || nothingToSee,
    });
    // The film that is open waits until it has been drawn.
    if (this.selected !== row) this.seen(row);
    this.dispatchEvent(new CustomEvent("finished", { detail: row }));
  }

  #fail(row, problem) {
    row.record = null;
    this.#change(row, { state: "failed", problem, stop: null, revealed: true });
    this.dispatchEvent(new CustomEvent("finished", { detail: row }));
  }

  #change(row, changes) {
    Object.assign(row, changes);
    this.#tell("row", row);
  }

  #tell(name, row = null) {
    this.dispatchEvent(new CustomEvent(name, { detail: row }));
  }
}
