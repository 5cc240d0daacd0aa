// The History tab: all films of the reader, with a filter, a search, an order and downloads.

import { announce, button, fill, h, icon, toast } from "./dom.js";
import { confirm } from "./dialog.js";
import { menu } from "./menu.js";
import { dateTime, fixed, general } from "./locale.js";
import { drawThumbnail } from "./pictures.js";
import { dayOf } from "./listview.js";
import { nameOf, t } from "./texts.js";
import { segmented } from "./toolbar.js";
import { badges, barContent, problemSentence } from "./verdict.js";
import * as words from "./words.js";

const PORTION = 100; // records in one request
const MAX_PORTION = 500; // the same, when all are wanted
const THUMBNAIL_PX = 128;
const TYPING_MS = 250; // until a search starts

const OTHERS = ["NORMAL", "UNDETERMINED", "REFUSED"]; // verdicts that are not positive
const UNREAD = "unread"; // in the filter, beside the verdicts: films that could not be read
const MARKS = ["forced", "outside", "noted"];
const p = (record) => (record.result && !record.hidden ? words.pPositive(record.result) : null) ?? -1;
const name = (record) => record.film.name ?? "";
const ORDERS = {
  newest: (a, b) => b.created.localeCompare(a.created),
  oldest: (a, b) => a.created.localeCompare(b.created),
  highest: (a, b) => p(b) - p(a),
  // Films without a figure come last in both orders.
  lowest: (a, b) => (p(a) < 0) - (p(b) < 0) || p(a) - p(b),
  name: (a, b) => name(a).localeCompare(name(b), undefined, { numeric: true }),
};

export class History {
  #thumbnails = new Map(); // canvases by record, so that they are not loaded again for another order
  #visibility = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => this.#draw(entry.target)));
  #request = 0; // counts requests, so that only the answer to the last one is shown
  records = [];
  chosen = new Set();
  filter = "";
  positives = new Set(); // names of positive verdicts in the filter
  offersUnread = false; // whether the filter has a choice for films that could not be read
  counts = null; // a map of each verdict, "" for all films, among those loaded without a filter; null before
  mark = ""; // one of MARKS, or "" for any
  since = ""; // a date, or "" for any
  order = "newest";
  query = "";

  /** actions: open(record), compare(records), hides(record), forget(ids), with null for all films, viewed(). */
  constructor({ backend, bundles, pictures, downloads, ...actions }) {
    Object.assign(this, { backend, bundles, pictures, downloads, actions });
    this.#build();
    bundles.addEventListener("change", () => this.render());
  }

  /** Offers the positive verdicts of all bundles, and those of results that were made by others. */
  #updateFilters() {
    const positives = new Set([...this.positives, ...this.bundles.positives, ...this.records.map(({ result }) => result?.positive ?? ""), this.filter]);
    for (const label of ["", ...OTHERS, UNREAD]) positives.delete(label);
    const offersUnread = this.offersUnread || this.filter === UNREAD || this.records.some(isUnread);
    if (positives.size === this.positives.size && offersUnread === this.offersUnread) return;
    Object.assign(this, { positives, offersUnread });
    const before = this.filters.element;
    this.filters = this.#filters();
    before.replaceWith(this.filters.element);
  }

  #filters() {
    const [negative, ...others] = OTHERS;
    const labels = ["", negative, ...this.positives, ...others, ...(this.offersUnread ? [UNREAD] : [])];
    return segmented(
      t("history.filter"),
      labels.map((label) => [label, "", filterName(label)]),
      () => this.filter,
      (label) => {
        this.filter = label;
        this.filters.update();
        this.actions.viewed();
        this.load();
      },
    );
  }

  #build() {
    this.filters = this.#filters();
    this.search = h("input", { type: "search", placeholder: t("history.search"), "aria-label": t("history.search"), oninput: () => this.#typed() });
    this.sort = h(
      "select",
      { "aria-label": t("history.sort"), onchange: () => this.#sorted() },
      Object.keys(ORDERS).map((order) => h("option", { value: order }, t(`history.order.${order}`))),
    );
    this.marks = h(
      "select",
      { "aria-label": t("history.mark"), onchange: () => this.#narrowed({ mark: this.marks.value }) },
      h("option", { value: "" }, t("history.anyMark")),
      MARKS.map((mark) => h("option", { value: mark }, t(`marks.${mark}`))),
    );
    this.sinceInput = h("input", { type: "date", "aria-label": t("history.since"), onchange: () => this.#narrowed({ since: this.sinceInput.value }) });
    this.status = h("p", { class: "count", role: "status" });
    this.list = h("ul", { class: "records", "aria-label": t("history.label") });
    this.bar = h("div", { class: "selection" });
    this.more = button("", t("history.more"), () => this.load(true), { class: "more-button", hidden: true });
    this.empty = h("div", { class: "empty-state", hidden: true });
    this.element = h(
      "section",
      { class: "history", "aria-labelledby": "history-title" },
      h("header", { class: "page-head" }, h("h1", { id: "history-title" }, t("history.title")), this.status),
      h("div", { class: "filters" }, this.filters.element, h("label", { class: "search" }, icon("search"), this.search), [["mark", this.marks], ["since", this.sinceInput], ["sort", this.sort]].map(([key, field]) => h("label", { class: "sort" }, h("span", {}, t(`history.${key}`)), field))),
      this.bar,
      this.list,
      this.empty,
      this.more,
    );
  }

  /** The view as part of an address: without the search, which may be a name. */
  get params() {
    const { filter: verdict, mark, since, order } = this;
    return Object.fromEntries(Object.entries({ verdict, mark, since, order: order === "newest" ? "" : order }).filter(([, value]) => value));
  }

  /** Takes the view of an address, as far as it is valid. */
  take({ verdict = "", mark = "", since = "", order = "newest" }) {
    this.filter = /^[\p{L}\p{N} _-]{0,64}$/u.test(verdict) ? verdict : "";
    this.mark = this.marks.value = MARKS.includes(mark) ? mark : "";
    this.since = this.sinceInput.value = /^\d{4}-\d{2}-\d{2}$/.test(since) ? since : "";
    this.order = this.sort.value = Object.hasOwn(ORDERS, order) ? order : "newest";
    this.filters.update();
  }

  /** Loads the records, or the next portion of them; a search or another order needs all portions. */
  async load(next = false) {
    const unread = this.filter === UNREAD; // the back end has no filter for them
    const all = unread || this.query || this.mark || this.since || this.order !== "newest";
    const limit = all ? MAX_PORTION : PORTION;
    const request = (this.#request += 1);
    try {
      const records = await this.backend.list({ limit, label: unread ? "" : this.filter, before: next ? this.next : null });
      if (request !== this.#request) return;
      this.records = next ? [...this.records, ...records] : records;
      this.next = records.length === limit ? records.at(-1).id : null;
      if (all && this.next) {
        await this.load(true);
        return;
      }
      this.#forgetOthers();
      this.render();
      announce(this.status.textContent);
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  /** Drops choices and thumbnails of records that are no longer listed. */
  #forgetOthers() {
    const listed = new Set(this.records.map((record) => record.id));
    this.chosen = new Set([...this.chosen].filter((id) => listed.has(id)));
    for (const [id, thumbnail] of this.#thumbnails) {
      if (listed.has(id)) continue;
      this.#visibility.unobserve(thumbnail);
      this.#thumbnails.delete(id);
    }
  }

  #typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      // The page itself searches by name: a request with a name in its address would be logged.
      this.query = this.search.value.trim().toLocaleLowerCase();
      this.#loadRestAndRender();
    }, TYPING_MS);
  }

  #narrowed(changes) {
    Object.assign(this, changes);
    this.actions.viewed();
    this.#loadRestAndRender();
  }

  /** Counts the verdicts, and the films that could not be read, among all that are loaded; a hidden verdict counts only as a film. */
  #count() {
    if (this.filter && this.filter !== UNREAD) return;
    this.counts = new Map([["", this.records.length]]);
    for (const record of this.records) {
      if (this.actions.hides(record) || !(record.result || isUnread(record))) continue;
      const label = record.result?.label ?? UNREAD;
      this.counts.set(label, (this.counts.get(label) ?? 0) + 1);
    }
  }

  /** Shows the counts beside the verdicts; with a plus if more films have not been loaded. */
  #showCounts() {
    this.#count();
    for (const choice of this.counts ? this.filters.element.children : []) {
      const count = this.counts.get(choice.dataset.value) ?? 0;
      choice.dataset.count = `${count}${this.next && (!this.filter || this.filter === UNREAD) ? "+" : ""}`;
      choice.title = t("history.count", { count });
    }
  }

  #sorted() {
    this.#narrowed({ order: this.sort.value });
  }

  #loadRestAndRender() {
    if (this.next) this.load();
    else this.render();
  }

  /** The records that match the search, in order. */
  get shown() {
    const records = this.records.map((record) => ({ ...record, hidden: this.actions.hides(record) }));
    // The filter would say what the film's verdict is.
    const allowed = records.filter((record) => (this.filter === UNREAD ? isUnread(record) : !record.hidden || !this.filter));
    const marked = (record) => !this.mark || (!record.hidden && words.marksOf(record.result).includes(this.mark));
    const isSince = (record) => !this.since || dayOf(record.created) >= this.since;
    const matches = allowed.filter((record) => name(record).toLocaleLowerCase().includes(this.query) && marked(record) && isSince(record));
    return matches.sort(ORDERS[this.order]);
  }

  render() {
    const records = this.shown;
    this.#updateFilters();
    this.#showCounts();
    fill(this.list, records.map((record) => this.#item(record)));
    this.status.textContent = t(this.next ? "history.loaded" : "history.count", { count: records.length });
    this.more.hidden = !this.next;
    this.empty.hidden = records.length > 0;
    const filtered = this.filter || this.query || this.mark || this.since;
    fill(this.empty, icon("history"), h("p", {}, t(filtered ? "history.noMatch" : "history.empty")));
    this.#updateSelection();
  }

  #item(record) {
    const { hidden } = record;
    const state = hidden ? "waiting" : words.stateOf(record);
    const label = hidden ? t("list.ready") : words.labelOf(record);
    const box = h("input", {
      type: "checkbox",
      "aria-label": t("history.choose", { name: name(record) }),
      onchange: (event) => this.#choose(record.id, event.target.checked),
    });
    box.checked = this.chosen.has(record.id);
    const done = record.state === "done";
    const ended = done || record.state === "failed";
    return h(
      "li",
      { class: `record state-${state}`, dataset: { id: record.id } },
      h("label", { class: "checkbox" }, box),
      h(
        "button",
        { type: "button", class: "open", disabled: !ended, onclick: () => this.actions.open(record), "aria-label": t("history.open", { name: name(record), label: hidden ? label : words.markedLabelOf(record) }) },
        this.#thumbnail(record),
        h("span", { class: "text" }, h("span", { class: "name" }, name(record)), this.#origin(record)),
        h("span", { class: "label" }, icon(hidden ? "eye" : state), h("span", {}, label, h("span", { class: "marks" }, hidden ? [] : badges(record.result)))),
        !hidden && probabilityOrReason(record),
      ),
      done && !hidden ? menu("download", t("download.one"), () => this.downloads.film(record), { iconOnly: true }) : h("span", { class: "menu-placeholder" }),
    );
  }

  /** When a film was read, and by which bundle where there are several. */
  #origin(record) {
    const bundle = this.bundles.nameOf(record.result);
    const time = h("time", { datetime: record.created }, dateTime(record.created));
    return h("span", { class: "secondary" }, time, bundle && h("span", { class: "read-by" }, bundle), readWith(record.result));
  }

  /** A canvas that is drawn when it becomes visible: a long history has hundreds. */
  #thumbnail(record) {
    const known = this.#thumbnails.get(record.id);
    if (known) return known;
    const done = record.state === "done";
    const canvas = h("canvas", {
      class: `thumb ${done ? "" : "missing"}`,
      width: THUMBNAIL_PX,
      height: THUMBNAIL_PX,
      "aria-hidden": "true",
      dataset: { id: record.id },
    });
    if (done) {
      this.#thumbnails.set(record.id, canvas);
      this.#visibility.observe(canvas);
    }
    return canvas;
  }

  async #draw(canvas) {
    this.#visibility.unobserve(canvas);
    const picture = await this.pictures.get(canvas.dataset.id, "thumbnail");
    if (picture) return drawThumbnail(canvas, picture);
    this.#thumbnails.delete(canvas.dataset.id);
    return canvas.classList.add("missing");
  }

  #choose(id, chosen) {
    if (chosen) this.chosen.add(id);
    else this.chosen.delete(id);
    this.#updateSelection();
  }

  #chooseAll(chosen) {
    this.chosen = new Set(chosen ? this.shown.map((record) => record.id) : []);
    this.render();
  }

  /** Fills the bar above the list with what can be done with the chosen films. */
  #updateSelection() {
    const ids = [...this.chosen];
    const count = this.shown.length;
    const all = h("input", { type: "checkbox", "aria-label": t("history.chooseAll"), onchange: (event) => this.#chooseAll(event.target.checked) });
    all.checked = ids.length > 0 && ids.length === count;
    all.indeterminate = ids.length > 0 && ids.length < count;
    const hadFocus = this.bar.contains(document.activeElement) && document.activeElement.type === "checkbox";
    this.bar.hidden = !count;
    fill(
      this.bar,
      h("label", { class: "checkbox" }, all, h("span", {}, ids.length ? t("history.chosen", { count: ids.length }) : t("history.chooseAll"))),
      h("span", { class: "spacer" }),
      ids.length
        ? [
            button("compare", t("history.compare"), () => this.#compare(), { disabled: ids.length !== 2, title: ids.length === 2 ? null : t("history.compareTitle") }),
            menu("download", t("download.chosen"), () => this.downloads.films(ids)),
            button("bin", t("history.delete"), () => this.#delete(ids), { class: "danger operator" }),
          ]
        : button("bin", t("history.deleteAll"), () => this.#deleteAll(), { class: "subtle operator" }),
    );
    if (hadFocus) all.focus();
  }

  #compare() {
    this.actions.compare([...this.chosen].map((id) => this.records.find((record) => record.id === id)));
  }

  async #delete(ids) {
    if (!(await confirm(t("history.deleteTitle", { count: ids.length }), t("history.deleteText"), t("history.delete")))) return;
    await this.#reportDeleted(async () => {
      const deleted = [];
      try {
        for (const id of ids) {
          await this.backend.delete(id);
          deleted.push(id);
        }
      } finally {
        this.actions.forget(deleted);
      }
      return deleted.length;
    });
  }

  async #deleteAll() {
    if (!(await confirm(t("history.deleteAllTitle"), t("history.deleteText"), t("history.deleteAll")))) return;
    await this.#reportDeleted(async () => {
      const deleted = await this.backend.deleteAll();
      this.actions.forget(null);
      return deleted;
    });
  }

  /** Runs `work`, which deletes films and returns their number, and loads the list again. */
  async #reportDeleted(work) {
    try {
      toast(t("history.deleted", { count: await work() }));
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
    await this.load();
  }
}

const isUnread = (record) => record.state === "failed";

function filterName(label) {
  if (label === UNREAD) return t("verdict.failed");
  return label ? nameOf(label) : t("history.all");
}

/** The settings that decide where the verdict changes; null if there is no verdict. */
function readWith(result) {
  if (!result || result.label === "REFUSED") return null;
  const { prevalence } = result;
  const point = nameOf(result.operating_point.name);
  const adjusted = prevalence !== null && prevalence !== undefined;
  const text = adjusted ? t("history.readWithPrevalence", { point, prevalence: general(100 * prevalence, 3) }) : t("history.readWith", { point });
  return h("span", { class: "read-with" }, text);
}

function probabilityOrReason({ result, error }) {
  if (!result) return h("span", { class: "reason" }, problemSentence(error));
  if (result.label === "REFUSED") return h("span", { class: "reason" }, words.reasons(result)[0]?.sentence);
  return h(
    "span",
    { class: "compact-probability" },
    h("span", { class: "bar", "aria-hidden": "true" }, barContent(words.scaleOf(result))),
    h("span", { class: "figure" }, fixed(words.pPositive(result), 3)),
  );
}
