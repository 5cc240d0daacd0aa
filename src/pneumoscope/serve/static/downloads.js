// Menus that save results to files.

import { h, toast } from "./dom.js";
import { action } from "./menu.js";
import { t } from "./texts.js";
import { heatmapState } from "./words.js";

const WITH_PICTURES = ["pdf", "zip"];

export class Downloads {
  /** Films in one file with pictures; the back end may set a limit. */
  maxWithPictures = Infinity;
  /** Names of the systems that results of DICOM films can be sent to. */
  destinations = [];

  constructor(backend) {
    this.backend = backend;
  }

  /** Saves text that the page has made to a file. */
  save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    h("a", { href: address, download: name }).click();
    URL.revokeObjectURL(address);
  }

  /** Menu items for one film. */
  film(record) {
    const heatmap = heatmapState(record).shown;
    const items = this.backend.formats.film
      .filter((format) => format !== "overlay" || heatmap)
      .filter((format) => this.backend.offers?.(record, format) ?? true)
      .map((format) => item(t(`download.film.${format}`), () => this.backend.downloadFilm(record.id, format)));
    const targets = this.backend.offers?.(record, "sr") ? this.destinations : [];
    return [...items, ...targets.map((name) => sendItem(t("download.send", { name }), () => this.#send(record, name)))];
  }

  async #send(record, name) {
    await this.backend.send(record.id, name);
    toast(t("download.sent", { name }));
  }

  /** Menu items for the films with these ids. */
  films(ids) {
    const tooMany = ids.length > this.maxWithPictures;
    const items = this.backend.formats.films
      .filter((format) => !tooMany || !WITH_PICTURES.includes(format))
      .map((format) => item(t(`download.films.${format}`), () => this.backend.downloadFilms(ids, format)));
    return tooMany ? [...items, h("p", { class: "item empty" }, t("download.tooMany", { max: this.maxWithPictures }))] : items;
  }
}

function sendItem(label, send) {
  return action("upload", label, () => send().catch((problem) => toast(problem.title, problem.hint, "error")));
}

function item(label, save) {
  return action("download", label, () => save().catch((problem) => toast(problem.title, problem.hint, "error")));
}
