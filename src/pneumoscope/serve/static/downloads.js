// Menus that save results to files.

import { h, toast } from "./dom.js";
import { action } from "./menu.js";
import { t } from "./texts.js";
import { heatmapState } from "./words.js";

const WITH_PICTURES = ["pdf", "zip"];

export class Downloads {
  /** Films in one file with pictures; the back end may set a limit. */
  maxWithPictures = Infinity;

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
    return this.backend.formats.film
      .filter((format) => format !== "overlay" || heatmap)
      .filter((format) => this.backend.offers?.(record, format) ?? true)
      .map((format) => item(t(`download.film.${format}`), () => this.backend.downloadFilm(record.id, format)));
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

function item(label, save) {
  return action("download", label, () => save().catch((problem) => toast(problem.title, problem.hint, "error")));
}
