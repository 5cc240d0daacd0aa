// The back end that lives in the page itself (`Backend` in backend.js): films are decoded and judged by
// workers, and nothing leaves the device. Films and results are forgotten when the page is closed.

import { Problem } from "./backend.js";
import { h } from "./dom.js";
import { FilmError } from "./films/problems.js";
import { shownSize } from "./films/resampling.js";
import { csvOfFilms } from "./film-table.js";
import { Judge } from "./judge.js";
import { filled } from "./sentences.js";
import { isHealthy } from "./words.js";
import { CalledWorker, WorkerEnded } from "./worker-calls.js";
import { filmsIn, isArchive } from "./zip.js";

const SIDE_PX = 2048; // longest side of a picture for the viewer
const THUMBNAIL_PX = 160;
const DRAFT = 1.75; // see `Reader.draft_px` in Python
const FILM_MS = 30_000; // for one film; a sound one of 100 megapixels takes about 10 s
const START_MS = 60_000; // for the network; it begins anew with each part of a file that arrives
const FILM = "film"; // what sentences call a film, as those of a server: the page shows its name above them

/** @typedef {import("./backend.js").Backend} Backend */

/** @implements {Backend} */
export class LocalBackend {
  formats = { film: ["overlay", "json", "csv"], films: ["csv", "json"] };
  #films = new Map(); // {record, english, load, heatmap, lungs} by id, the oldest first; `load` gives the file

  /**
   * @param {object} page  Of `inLanguage`, see judge.js.
   * @param {string} cache  Name of the browser's cache of this page.
   */
  constructor(page, cache) {
    this.page = page;
    const { codecs, foreign, integrity } = page;
    this.decoder = new CalledWorker(new URL("./film-worker.js", import.meta.url), { cache, codecs, foreign }, FILM_MS);
    const networks = Object.entries(page.bundles).map(([name, { model, size }]) => ({ name, address: model, size }));
    this.network = new CalledWorker(new URL("./network-worker.js", import.meta.url), { cache, networks, integrity }, START_MS);
    this.judge = new Judge(page, (name, input, size) => this.network.call("run", { name, input, size }, { deadlineMs: START_MS }));
  }

  /** Starts the workers, while the page is still being built. */
  begin() {
    this.network.start();
    this.decoder.start();
  }

  /** Resolves when everything that the page needs is on the device. */
  async ready() {
    await this.network.call("all", {}, { deadlineMs: START_MS, waits: false });
  }

  async settings(bundle) {
    return this.page.settings[bundle ?? Object.keys(this.page.settings)[0]];
  }

  async user() {
    return { name: "", role: "operator", accounts: false };
  }

  async model(bundle) {
    return this.page.models[bundle ?? Object.keys(this.page.models)[0]];
  }

  async signOut() {}

  read(file, settings, listener) {
    const controller = new AbortController();
    return { ended: this.#read(file, settings, listener, controller.signal), cancel: () => controller.abort() };
  }

  async sample(name) {
    const response = await fetch(new URL(`./samples/${encodeURIComponent(name)}`, import.meta.url)).catch(() => null);
    if (!response?.ok) throw this.#problem(new FilmError("MissingFile"), name);
    return new File([await response.blob()], name, { type: response.headers.get("Content-Type") ?? "" });
  }

  async list({ limit, label, before }) {
    const records = [...this.#films.values()].map(({ record }) => record).reverse();
    const from = before ? records.findIndex(({ id }) => id === before) + 1 : 0;
    return records.slice(from).filter(({ result }) => !label || result?.label === label).slice(0, limit);
  }

  async picture(id, kind) {
    const { load, record, heatmap, lungs } = this.#films.get(id);
    const call = (name, values) => this.decoder.call(name, values, { deadlineMs: FILM_MS });
    if (kind === "film" || kind === "thumbnail") {
      return call("picture", { file: await load(), key: id, side: kind === "film" ? SIDE_PX : THUMBNAIL_PX });
    }
    const size = shownSize(record.result.film.rows, record.result.film.columns, SIDE_PX);
    if (kind === "lungs") return call("lungs", { lungs, size });
    return call("heat", { heatmap, size, healthy: isHealthy(record.result), smooth: kind === "heatmap" });
  }

  async downloadFilm(id, format) {
    const { load, record, heatmap, lungs } = this.#films.get(id);
    const stem = record.film.name.replace(/\.[^.]*$/, "");
    if (format === "overlay") {
      const values = { file: await load(), key: id, side: SIDE_PX, heatmap, lungs, healthy: isHealthy(record.result) };
      save(await this.decoder.call("overlay", values, { deadlineMs: FILM_MS }), `${stem}-heatmap.png`);
    } else if (format === "json") {
      save(new Blob([JSON.stringify(inEnglish(this.#films.get(id)), null, 2)], { type: "application/json" }), `${stem}.json`);
    } else {
      this.#saveTable([id], `${stem}.csv`);
    }
  }

  async downloadFilms(ids, format) {
    if (format === "csv") {
      this.#saveTable(ids, "films.csv");
      return;
    }
    const records = ids.map((id) => inEnglish(this.#films.get(id)));
    const results = records.map(({ id, created, film, result, error }) => ({ id, created, source: film.name, ...(result ?? { error }) }));
    save(new Blob([JSON.stringify({ notice: this.judge.english.notice, results }, null, 2)], { type: "application/json" }), "films.json");
  }

  async delete(id) {
    this.#films.delete(id);
  }

  async deleteAll() {
    const { size } = this.#films;
    this.#films.clear();
    return size;
  }

  #saveTable(ids, name) {
    const records = ids.map((id) => inEnglish(this.#films.get(id)));
    const labels = new Set(Object.values(this.page.bundles).flatMap((bundle) => bundle.labels));
    save(new Blob([csvOfFilms(records, [...labels])], { type: "text/csv" }), name);
  }

  async #read(file, settings, listener, signal) {
    listener.sent(1);
    let films = [{ name: file.name, load: async () => file }];
    try {
      if (await isArchive(file)) films = await filmsIn(file, this.page.other_objects);
    } catch (error) {
      films = [{ name: file.name, load: () => Promise.reject(error) }];
    }
    const counts = { done: 0, total: films.length };
    if (films.length > 1) listener.accepted({ ...counts });
    for (const film of films) {
      signal.throwIfAborted();
      const record = await this.#readFilm(film, settings, signal);
      signal.throwIfAborted();
      counts.done += 1;
      listener.film(record, { ...counts });
    }
    return counts;
  }

  async #readFilm({ name, load }, settings, signal) {
    const base = { id: idOf(), created: new Date().toISOString(), film: { name } };
    const kept = { load, english: null, heatmap: null, lungs: null };
    let ended;
    try {
      const started = performance.now();
      const file = await load();
      const bundle = this.page.bundles[settings.bundle ?? settings.population ?? this.judge.names[0]];
      const atLeast = bundle.resize === "antialias" ? Math.max(bundle.source_size, Math.round(DRAFT * bundle.size)) : null;
      const decoded = await this.decoder.call("decode", { file, key: base.id, bundle, atLeast }, { deadlineMs: FILM_MS, signal });
      const readMs = performance.now() - started;
      const { result, ...more } = await this.judge.judge({ ...decoded, readMs }, settings);
      Object.assign(kept, more);
      ended = { film: { name, sha256: decoded.sha256 }, state: "done", result, error: null };
    } catch (error) {
      if (error.name === "AbortError") throw error;
      const { title, detail, hint, code } = this.#problem(error, FILM);
      kept.english = this.#problem(error, name, this.judge.english);
      ended = { state: "failed", result: null, error: { title, detail, hint, code } };
    }
    const record = { ...base, ...ended };
    this.#films.set(record.id, { record, ...kept });
    return record;
  }

  /** What a failure says to readers. */
  #problem(error, name, { errors, sentences, reasons } = this.page) {
    const code = error instanceof WorkerEnded ? "TookTooLong" : error.code ?? error.name;
    const { message, hint, title } = errors[code] ?? errors.Unexpected;
    const values = { name, seconds: FILM_MS / 1000, what: error.message, setting: error.setting ?? "", ...error.values };
    const { reason, kind, what, advice } = values;
    Object.assign(values, { reason: reasons[reason] ?? reason, kind: reasons[kind] ?? kind, what: reasons[what] ?? what });
    const say = (template) => filled(template, values, sentences);
    return new Problem({ title, detail: say(message), hint: say(reasons[advice] ?? (advice || hint)), code });
  }
}

/** The record of a film for files: its sentences are in English. */
function inEnglish({ record, english }) {
  if (record.result) return { ...record, result: english };
  const { title, detail, hint, code } = english;
  return { ...record, error: { title, detail, hint, code } };
}

/** An id as the server's: 32 hexadecimal digits. */
const idOf = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
