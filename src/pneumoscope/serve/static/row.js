// A film or an archive in the list of films.

import { stateOf } from "./words.js";

let rowsMade = 0;

/**
 * One row of the list. `state` is "waiting", "sending", "reading", "busy", "done", "failed" or
 * "cancelled"; `progress` is in [0, 1]; `revealed` says whether the verdict may be shown.
 */
export class Row {
  key = `row-${(rowsMade += 1)}`;
  state = "waiting";
  progress = 0;
  record = null;
  problem = null;
  revealed = false;
  seen = false; // whether a verdict was shown before the film was read again
  archive = null; // the Counts of a ZIP archive
  source = null; // the row of the archive that the film is in
  earlier = []; // rows of an archive's films from before it was read again
  tries = 0;
  force = false;
  bundle = null; // the name of the one that reads it; null for the default
  stop = null; // a function that cancels the reading, or the wait for another try
  timer = 0; // until the verdict is shown
  call = null; // the reader's own, {call, note, at}: see agreement.js, and ISO 8601
  labels = []; // of LABELS in listview.js
  patient = ""; // key of the patient, which is sent with the film and kept nowhere
  group = 0; // a number that films of one patient share in this list; 0 if the patient is not known

  constructor(name, file = null) {
    this.name = name;
    this.file = file;
  }

  /** Whether it was not read but could be. */
  get unread() {
    return Boolean(this.file) && ["failed", "cancelled"].includes(this.state);
  }

  get active() {
    return ["waiting", "sending", "reading", "busy"].includes(this.state);
  }

  /** Whether its verdict was shown, now or before it was read again; a refusal is none. */
  get wasSeen() {
    return this.seen || (this.revealed && this.record?.state === "done" && stateOf(this.record) !== "refused");
  }

  /** The row of a film of this archive, which keeps what the reader did with the same film before. */
  rowOf(record) {
    const isSame = ({ record: { film } }) => film.name === record.film.name && film.sha256 === record.film.sha256;
    const { patient, group } = this;
    const row = Object.assign(new Row(record.film.name), { source: this, patient, group });
    const index = this.earlier.findIndex(isSame);
    if (index < 0) return row;
    const [{ call, labels, wasSeen: seen }] = this.earlier.splice(index, 1);
    return Object.assign(row, { call, labels, seen });
  }

  /** Whether there is a film to show. */
  get hasFilm() {
    return !this.archive && this.state !== "cancelled";
  }
}
