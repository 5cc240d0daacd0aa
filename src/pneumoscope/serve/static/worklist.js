// The films of this sitting: their uploads, their states, and which one is open.

import { follow, Problem, request, upload } from "/static/api.js";
import { preferences } from "/static/preferences.js";
import { t } from "/static/texts.js";
import { stateOf } from "/static/words.js";

const AT_ONCE = 3; // uploads; the server puts their films into one run of the network
const MOST_TRIES = 30; // of a film that the server is too busy to take
const MOMENT_MS = 1800; // that a film is seen before its verdict
const AGAIN_S = 2; // until a job is listened to again
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
  stop = null;
  turn = 0; // counts what was dropped, so that a late answer to it is not taken

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

  /** Begins to send: by then it must be known what the server offers. */
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
    row.turn += 1;
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
      row.turn += 1;
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
    const { turn } = row;
    const fields = { ...preferences.fields(), force: row.force ? "true" : null };
    const call = upload(row.file, fields, (share) => {
      // Sent in full means that the server is reading it.
      this.#change(row, share < 1 ? { state: "sending", progress: share } : { state: "reading", progress: 1 });
    });
    this.#change(row, { state: "sending", progress: 0, stop: call.abort });
    try {
      const answer = await call.done;
      if (answer.job) await this.#follow(row, answer.job);
      else this.#finish(row, answer.predictions[0]);
    } catch (error) {
      if (row.turn === turn) this.#trouble(row, error);
    }
    if (row.turn === turn && row.state !== "busy") row.stop = null;
    this.#pump();
  }

  #trouble(row, error) {
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

  async #follow(row, job) {
    const single = job.total === 1 && !ARCHIVE.test(row.name);
    if (!single) row.archive = { done: job.done, total: job.total };
    const { turn } = row;
    const told = new Set();
    const take = (record, done, total) => {
      if (told.has(record.id) || row.turn !== turn) return;
      told.add(record.id);
      if (single) return this.#finish(row, record);
      row.archive = { done, total };
      this.#insert(row, told.size, record);
      return this.#change(row, { state: "reading", progress: total ? done / total : 0 });
    };
    this.#change(row, { state: "reading", progress: 0 });
    const ended = await this.#ended(row, job, take);
    if (row.turn !== turn) return;
    // Whatever ended while nobody listened.
    for (const record of ended.predictions) take(record, ended.done, ended.total);
    if (!single) this.#change(row, { state: "done", revealed: true, progress: 1 });
    // Deleted in the history before it was read.
    else if (!told.size) this.#change(row, { state: "cancelled", progress: 0 });
  }

  /** Listens until a job has ended, as often as the server turns listeners away; the job with its films. */
  async #ended(row, job, take) {
    const { turn } = row;
    for (;;) {
      const events = follow(job, take);
      row.stop = () => {
        events.close();
        // Films that have not begun are dropped; nobody waits for the answer.
        request(job.links.self, { method: "DELETE" }).catch(() => {});
      };
      await events.over;
      let seconds = AGAIN_S;
      try {
        const found = await request(job.links.self);
        if (found.state === "done") return found;
      } catch (error) {
        // Too many requests are no reason to send the film once more.
        if (error.status !== 429) throw error;
        seconds = Math.max(seconds, error.retryAfter);
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      if (row.turn !== turn) return null;
    }
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
