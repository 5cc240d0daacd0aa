// A back end that lives in the page, for tests: `window.RESULTS` by the name of a film, `window.SETTINGS`
// by the name of a bundle, the default one first.

import { startPage } from "./page.js";

const SIDE = 64;

/** @typedef {import("./backend.js").Backend} Backend */

/** @implements {Backend} */
class MemoryBackend {
  formats = { film: ["json"], films: [] };
  records = [];
  readSettings = [];
  saved = [];
  mayEnd = Promise.resolve(); // what readings wait for

  async settings(bundle) {
    return window.SETTINGS[bundle ?? Object.keys(window.SETTINGS)[0]];
  }

  async user() {
    return { name: "local", role: "operator", accounts: false };
  }

  async model() {
    return { bundle: "in memory", bundle_sha256: "0".repeat(64), positive: "PNEUMONIA", card: "# Card\n\nA test." };
  }

  async signOut() {}

  read(file, settings, listener) {
    this.readSettings.push(settings);
    const finish = async () => {
      await this.mayEnd;
      listener.sent(1);
      const record = {
        id: `film-${this.records.length}`,
        created: new Date().toISOString(),
        film: { name: file.name },
        state: "done",
        result: window.RESULTS[file.name],
        error: null,
      };
      this.records.unshift(record);
      listener.film(record, { done: 1, total: 1 });
      return { done: 1, total: 1 };
    };
    return { ended: finish(), cancel() {} };
  }

  async list({ limit, label, before }) {
    const from = before ? this.records.findIndex((record) => record.id === before) + 1 : 0;
    const fits = (record) => !label || record.result.label === label;
    return this.records.slice(from).filter(fits).slice(0, limit);
  }

  /** The film in grey, the heatmap in half transparent red. */
  async picture(id, kind) {
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const context = canvas.getContext("2d");
    context.fillStyle = ["heatmap", "cells"].includes(kind) ? "rgb(255 0 0 / 50%)" : "rgb(120 120 120)";
    context.fillRect(0, 0, SIDE, SIDE);
    return createImageBitmap(canvas);
  }

  async downloadFilm(id, format) {
    this.saved.push([id, format]);
  }

  async downloadFilms(ids, format) {
    this.saved.push([ids, format]);
  }

  async delete(id) {
    this.records = this.records.filter((record) => record.id !== id);
  }

  async deleteAll() {
    return this.records.splice(0).length;
  }
}

window.backend = new MemoryBackend();
startPage(window.backend);
