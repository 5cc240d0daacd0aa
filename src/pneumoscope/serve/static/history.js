// All films that the reader has had read, with filter, search, sort and downloads.

import { announce, button, fill, h, icon, toast } from "./dom.js";
import { confirm } from "./dialog.js";
import { menu } from "./menu.js";
import { drawThumbnail } from "./pictures.js";
import { t } from "./texts.js";
import { segmented } from "./toolbar.js";
import { happened } from "./verdict.js";
import * as words from "./words.js";

const PAGE = 100; // records in one request
const MOST = 500; // the same, when all are wanted
const THUMB_PX = 128;
const TYPING_MS = 250;

const p = (record) => (record.result ? words.pPositive(record.result) : null) ?? -1;
const name = (record) => record.film.name ?? "";
const ORDERS = {
  newest: (a, b) => b.created.localeCompare(a.created),
  oldest: (a, b) => a.created.localeCompare(b.created),
  highest: (a, b) => p(b) - p(a),
  lowest: (a, b) => p(a) - p(b),
  name: (a, b) => name(a).localeCompare(name(b), undefined, { numeric: true }),
};

export class History {
  #thumbs = new Map(); // canvases by record, so that another order asks for nothing again
  #sight = new IntersectionObserver((seen) => seen.filter((one) => one.isIntersecting).forEach((one) => this.#draw(one.target)));
  records = [];
  chosen = new Set();
  filter = "";
  order = "newest";
  query = "";

  /** actions: open(record), compare(records), forgotten(ids). */
  constructor({ backend, pictures, downloads, ...actions }) {
    Object.assign(this, { backend, pictures, downloads, actions });
    this.#build("PNEUMONIA");
  }

  /** Takes the bundle's own word for a film that is not normal. */
  use(positive) {
    const before = this.filters.element;
    this.filters = this.#filters(positive);
    before.replaceWith(this.filters.element);
  }

  #filters(positive) {
    const labels = ["", "NORMAL", positive, "UNDETERMINED", "REFUSED"];
    return segmented(
      t("history.filter"),
      labels.map((label) => [label, "", label || t("history.all")]),
      () => this.filter,
      (label) => {
        this.filter = label;
        this.filters.update();
        this.load();
      },
    );
  }

  #build(positive) {
    this.filters = this.#filters(positive);
    this.search = h("input", { type: "search", placeholder: t("history.search"), "aria-label": t("history.search"), oninput: () => this.#typed() });
    this.sort = h(
      "select",
      { "aria-label": t("history.sort"), onchange: () => this.#sorted() },
      Object.keys(ORDERS).map((order) => h("option", { value: order }, t(`history.order.${order}`))),
    );
    this.status = h("p", { class: "count", role: "status" });
    this.list = h("ul", { class: "records", "aria-label": t("history.label") });
    this.bar = h("div", { class: "selection" });
    this.more = button("", t("history.more"), () => this.load(true), { class: "more-button", hidden: true });
    this.none = h("div", { class: "nothing", hidden: true });
    this.element = h(
      "section",
      { class: "history", "aria-labelledby": "history-title" },
      h("header", { class: "page-head" }, h("h1", { id: "history-title" }, t("history.title")), this.status),
      h("div", { class: "filters" }, this.filters.element, h("label", { class: "search" }, icon("search"), this.search), h("label", { class: "sort" }, h("span", {}, t("history.sort")), this.sort)),
      this.bar,
      this.list,
      this.none,
      this.more,
    );
  }

  /** Asks the server anew, or for the next portion; for all of them where they must be compared. */
  async load(further = false) {
    const all = this.query || this.order !== "newest";
    const limit = all ? MOST : PAGE;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const records = await this.backend.list({ limit, label: this.filter, before: further ? this.next : null });
      if (turn !== this.turn) return;
      this.records = further ? [...this.records, ...records] : records;
      this.next = records.length === limit ? records.at(-1).id : null;
      if (all && this.next) {
        await this.load(true);
        return;
      }
      const known = new Set(this.records.map((record) => record.id));
      this.chosen = new Set([...this.chosen].filter((id) => known.has(id)));
      for (const id of this.#thumbs.keys()) {
        if (known.has(id)) continue;
        this.#sight.unobserve(this.#thumbs.get(id));
        this.#thumbs.delete(id);
      }
      this.render();
      announce(this.status.textContent);
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  #typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      // Names are searched here: an address with a name in it would stand in logs.
      this.query = this.search.value.trim().toLocaleLowerCase();
      this.#arranged();
    }, TYPING_MS);
  }

  #sorted() {
    this.order = this.sort.value;
    this.#arranged();
  }

  #arranged() {
    if (this.next) this.load();
    else this.render();
  }

  /** What fits the search, in order. */
  get shown() {
    const found = this.records.filter((record) => name(record).toLocaleLowerCase().includes(this.query));
    return found.sort(ORDERS[this.order]);
  }

  render() {
    const sorted = this.shown;
    fill(this.list, sorted.map((record) => this.#line(record)));
    this.status.textContent = t(this.next ? "history.loaded" : "history.count", { count: sorted.length });
    this.more.hidden = !this.next;
    this.none.hidden = sorted.length > 0;
    const filtered = this.filter || this.query;
    fill(this.none, icon("history"), h("p", {}, t(filtered ? "history.noMatch" : "history.empty")));
    this.#chosenChanged();
  }

  #line(record) {
    const state = words.stateOf(record);
    const box = h("input", {
      type: "checkbox",
      "aria-label": t("history.choose", { name: name(record) }),
      onchange: (event) => this.#choose(record.id, event.target.checked),
    });
    box.checked = this.chosen.has(record.id);
    const result = record.result;
    const judged = result && result.label !== "REFUSED";
    const ended = ["done", "failed"].includes(record.state);
    return h(
      "li",
      { class: `record state-${state}`, dataset: { id: record.id } },
      h("label", { class: "tick" }, box),
      h(
        "button",
        { type: "button", class: "open", disabled: !ended, onclick: () => this.actions.open(record), "aria-label": t("history.open", { name: name(record), label: words.labelOf(record) }) },
        this.#thumb(record),
        h("span", { class: "text" }, h("span", { class: "name" }, name(record)), h("time", { datetime: record.created }, new Date(record.created).toLocaleString())),
        h("span", { class: "label" }, icon(state), words.labelOf(record)),
        judged ? mini(result) : h("span", { class: "why" }, result ? words.reasons(result)[0]?.sentence : happened(record.error)),
      ),
      record.state === "done" ? menu("download", t("download.one"), () => this.downloads.film(record), { quiet: true }) : h("span", { class: "menu-gap" }),
    );
  }

  /** A canvas that is drawn when it comes into sight: a long history holds hundreds. */
  #thumb(record) {
    const kept = this.#thumbs.get(record.id);
    if (kept) return kept;
    const done = record.state === "done";
    const thumb = h("canvas", { class: `thumb ${done ? "" : "gone"}`, width: THUMB_PX, height: THUMB_PX, "aria-hidden": "true", dataset: { id: record.id } });
    if (done) {
      this.#thumbs.set(record.id, thumb);
      this.#sight.observe(thumb);
    }
    return thumb;
  }

  async #draw(thumb) {
    this.#sight.unobserve(thumb);
    const image = await this.pictures.get(thumb.dataset.id, "thumbnail");
    if (image) return drawThumbnail(thumb, image);
    this.#thumbs.delete(thumb.dataset.id);
    return thumb.classList.add("gone");
  }

  #choose(id, chosen) {
    if (chosen) this.chosen.add(id);
    else this.chosen.delete(id);
    this.#chosenChanged();
  }

  #chosenChanged() {
    const ids = [...this.chosen];
    const all = this.shown.length;
    const every = h("input", { type: "checkbox", "aria-label": t("history.chooseAll"), onchange: (event) => this.#every(event.target.checked) });
    every.checked = ids.length > 0 && ids.length === all;
    every.indeterminate = ids.length > 0 && ids.length < all;
    const focused = this.bar.contains(document.activeElement) && document.activeElement.type === "checkbox";
    this.bar.hidden = !all;
    fill(
      this.bar,
      h("label", { class: "tick" }, every, h("span", {}, ids.length ? t("history.chosen", { count: ids.length }) : t("history.chooseAll"))),
      h("span", { class: "grow" }),
      ids.length
        ? [
            button("compare", t("history.compare"), () => this.#compare(), { disabled: ids.length !== 2, title: ids.length === 2 ? null : t("history.compareTitle") }),
            menu("download", t("download.chosen"), () => this.downloads.films(ids)),
            button("bin", t("history.delete"), () => this.#delete(ids), { class: "danger operator" }),
          ]
        : button("bin", t("history.deleteAll"), () => this.#deleteAll(), { class: "faint operator" }),
    );
    if (focused) every.focus();
  }

  #every(chosen) {
    this.chosen = new Set(chosen ? this.shown.map((record) => record.id) : []);
    this.render();
  }

  #compare() {
    this.actions.compare([...this.chosen].map((id) => this.records.find((record) => record.id === id)));
  }

  async #delete(ids) {
    if (!(await confirm(t("history.deleteTitle", { count: ids.length }), t("history.deleteText"), t("history.delete")))) return;
    await this.#gone(async () => {
      const gone = [];
      try {
        for (const id of ids) {
          await this.backend.delete(id);
          gone.push(id);
        }
      } finally {
        this.actions.forgotten(gone);
      }
      return gone.length;
    });
  }

  async #deleteAll() {
    if (!(await confirm(t("history.deleteAllTitle"), t("history.deleteText"), t("history.deleteAll")))) return;
    await this.#gone(async () => {
      const deleted = await this.backend.deleteAll();
      this.actions.forgotten(null);
      return deleted;
    });
  }

  /** `work` deletes and gives the number of films. */
  async #gone(work) {
    try {
      toast(t("history.deleted", { count: await work() }));
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
    await this.load();
  }
}

function mini(result) {
  const { threshold } = result.operating_point;
  return h(
    "span",
    { class: "mini" },
    h("span", { class: "bar", "aria-hidden": "true" }, h("i", { style: { width: `${100 * result.p_unadjusted}%` } }), h("b", { style: { left: `${100 * threshold}%` } })),
    h("span", { class: "figure" }, words.pPositive(result).toFixed(3)),
  );
}
