// The list of films beside the film: a row for each, with its state.

import { bundleField } from "./bundles.js";
import { callText, openAgreement } from "./calls.js";
import { confirm } from "./dialog.js";
import { Filters } from "./filters.js";
import { labelBadges } from "./labels.js";
import { announce, button, fill, h, icon } from "./dom.js";
import { actionOf } from "./keys.js";
import { action, menu } from "./menu.js";
import { drawThumbnail, preview } from "./pictures.js";
import { t } from "./texts.js";
import { badges } from "./verdict.js";
import { spoken, stateOf, wordsOf } from "./words.js";

const THUMBNAIL_PX = 112; // twice the shown size, for fine screens
const ICON_OF = { ready: "eye", archive: "archive", cancelled: "stop" };

/** Shows a Worklist; `pick()` opens the file dialog, `proceed()` shows the verdict or the next film. */
export class RowList {
  #elements = new Map(); // by row
  #previews = Promise.resolve(); // of one file after the other
  #frame = 0; // in which the rows are arranged anew

  constructor(worklist, { bundles, pictures, downloads, pick, pickFolder, proceed }) {
    Object.assign(this, { worklist, pictures, downloads, proceed });
    this.list = h("ul", {
      class: "rows",
      "aria-label": t("list.label"),
      onkeydown: (event) => this.#key(event),
      // Space on a button of a row would press it as well.
      onkeyup: (event) => event.key === " " && event.target.matches(".open") && event.preventDefault(),
    });
    this.count = h("p", { class: "count" });
    this.progress = h("progress", { class: "whole-progress", max: 1, "aria-label": t("list.whole"), hidden: true });
    this.filters = new Filters(worklist.view, { rows: () => worklist.rows, positives: () => bundles.positives });
    this.none = h("div", { class: "none secondary", hidden: true }, h("p", {}, t("list.filters.none")), button("", t("list.filters.all"), () => worklist.view.reset(), { class: "subtle" }));
    this.patient = patientField(worklist);
    this.cancelAll = button("stop", t("list.cancelAll"), () => worklist.cancelAll(), { iconOnly: true, hidden: true });
    const more = menu("download", t("download.all"), () => this.#menuItems(), { iconOnly: true });
    this.element = h(
      "aside",
      { class: "worklist", "aria-label": t("list.label") },
      h(
        "div",
        { class: "list-head" },
        h("div", { class: "add operator" }, button("upload", t("list.add"), pick, { key: "add", class: "wide" }), button("folder", t("list.addFolder"), pickFolder, { iconOnly: true })),
        bundleField(bundles),
        this.patient,
        h("div", { class: "list-tools" }, this.count, h("span", { class: "spacer" }), this.cancelAll, this.filters.toggle, more),
        this.progress,
        this.filters.element,
      ),
      this.none,
      this.list,
    );
    worklist.addEventListener("rows", () => this.#arrange());
    worklist.addEventListener("select", () => this.#selected());
    worklist.addEventListener("row", (event) => this.#update(event.detail));
    worklist.addEventListener("finished", (event) => {
      const row = event.detail;
      // A verdict that is not shown yet is not announced either.
      if (row.revealed && row.record) announce(spoken(row.record));
    });
  }

  #menuItems() {
    const ids = this.worklist.records.map((record) => record.id);
    const actions = [action("bin", t("list.clear"), () => this.#clear())];
    if (this.worklist.rows.some((row) => row.call)) actions.unshift(action("about", t("calls.open"), () => openAgreement(this.worklist.rows, this.downloads)));
    if (this.worklist.rows.some((row) => row.unread)) actions.unshift(action("retry", t("list.retryAll"), () => this.worklist.retryAll()));
    if (this.worklist.rows.some((row) => row.file && (row.record || row.archive))) actions.unshift(action("retry", t("list.readAllAgain"), () => this.worklist.readAllAgain()));
    if (!ids.length) return [h("p", { class: "item empty" }, t("download.nothing")), ...actions];
    return [...this.downloads.films(ids), h("hr"), ...actions];
  }

  /** The reader's calls are kept in the list only, so it is not cleared without a question. */
  async #clear() {
    const called = this.worklist.rows.some((row) => row.call);
    if (!called || (await confirm(t("calls.clear"), t("calls.clearText"), t("list.clear")))) this.worklist.clear();
  }

  /** Opens the filters, or closes them. */
  toggleFilters() {
    this.filters.toggle.click();
  }

  /** Puts the elements of the rows that are shown in their order. */
  #arrange() {
    const { shown } = this.worklist;
    const [known, visible] = [new Set(this.worklist.rows), new Set(shown)];
    for (const [row, { element }] of this.#elements) {
      if (!visible.has(row)) element.remove();
      if (!known.has(row)) this.#elements.delete(row);
    }
    shown.forEach((row, index) => {
      const { element } = this.#elements.get(row) ?? this.#make(row);
      if (this.list.children[index] !== element) this.list.insertBefore(element, this.list.children[index] ?? null);
    });
    this.none.hidden = shown.length > 0 || !this.worklist.rows.length;
    this.#updateCount();
  }

  /** Arranges the rows in the next frame: a change of one may move it. */
  #arrangeSoon() {
    const { view } = this.worklist;
    if (!view.narrows && view.values.order === "added") return;
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#arrange());
  }

  #updateCount() {
    const { rows, view, progress, shown } = this.worklist;
    const active = rows.some((row) => row.active);
    const kept = shown.filter((row) => !row.archive).length;
    const text = active ? "list.progress" : view.narrows ? "list.shown" : "list.count";
    this.count.textContent = t(text, { done: progress.done, count: progress.count, shown: kept });
    this.cancelAll.hidden = !active;
    this.progress.hidden = !active || rows.length < 2;
    this.progress.value = progress.share;
    this.filters.update();
  }

  #make(row) {
    const thumbnail = h("canvas", { class: "thumb", width: THUMBNAIL_PX, height: THUMBNAIL_PX, "aria-hidden": "true" });
    const box = h("span", { class: "thumb-box" }, thumbnail, icon(/\.zip$/i.test(row.name) ? "archive" : "film"));
    const name = h("span", { class: "name", title: row.name }, row.name);
    const state = h("span", { class: "state" });
    const marks = h("span", { class: "marks" });
    const progress = h("progress", { class: "progress", max: 1, "aria-label": t("list.progressOf", { name: row.name }) });
    const open = h(
      "button",
      { type: "button", class: "open", onclick: () => this.worklist.select(row) },
      box,
      h("span", { class: "text" }, name, state, marks),
    );
    const tools = h("div", { class: "row-tools" });
    const element = h("li", { class: "row" }, open, tools, progress);
    // `picture` names the thumbnail that is drawn, `offered` what the tools are made for.
    const parts = { element, open, box, thumbnail, state, marks, tools, progress, picture: "", offered: "" };
    this.#elements.set(row, parts);
    // One after the other: a hundred large films decoded at the same time would fill the memory.
    if (row.file) this.#previews = this.#previews.then(() => this.#drawPreview(row, parts));
    this.#update(row);
    return parts;
  }

  async #drawPreview(row, parts) {
    if (parts.picture || this.#elements.get(row) !== parts) return;
    const bitmap = await preview(row.file, THUMBNAIL_PX);
    if (!bitmap) return;
    if (!parts.picture) {
      drawThumbnail(parts.thumbnail, bitmap);
      parts.box.classList.add("has-picture");
      parts.picture = "preview";
    }
    bitmap.close();
  }

  async #drawThumbnail(row, parts) {
    const id = row.record?.state === "done" && row.record.id;
    if (!id || parts.picture === id) return;
    parts.picture = id;
    const picture = await this.pictures.get(id, "thumbnail");
    if (!picture) return;
    drawThumbnail(parts.thumbnail, picture);
    parts.box.classList.add("has-picture");
  }

  #update(row) {
    const parts = this.#elements.get(row);
    if (!parts) return;
    this.#drawThumbnail(row, parts);
    const { element, open, state, marks, tools, progress } = parts;
    const appearance = appearanceOf(row);
    const selected = row === this.worklist.selected;
    element.dataset.state = appearance;
    element.dataset.busy = String(row.active);
    element.classList.toggle("selected", selected);
    open.setAttribute("aria-current", String(selected));
    open.tabIndex = selected ? 0 : -1;
    fill(state, icon(ICON_OF[appearance] ?? appearance), stateText(row));
    const call = row.call && row.record?.result && h("span", { class: "badge call" }, t("calls.you", { call: callText(row.call.call, row.record.result.positive) }));
    fill(marks, row.state === "done" && row.revealed ? [badges(row.record?.result), call] : [], labelBadges(row));
    progress.hidden = !row.active;
    if (row.state === "sending" || row.archive?.total) progress.value = row.progress;
    else progress.removeAttribute("value");
    // A button that is replaced while it is pressed does nothing and loses the focus.
    const offered = `${row.active} ${row.unread}`;
    if (parts.offered !== offered) fill(tools, toolsOf(row, this.worklist));
    parts.offered = offered;
    this.#updateCount();
    this.#arrangeSoon();
  }

  #selected() {
    const row = this.worklist.selected;
    const parts = this.#elements.get(row);
    if (!parts) return;
    const hadFocus = this.list.contains(document.activeElement) && document.activeElement.matches(".open");
    this.#update(row);
    parts.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (hadFocus) parts.open.focus({ preventScroll: true });
  }

  /** The list is one stop of the Tab key; arrow keys, Home, End and Space move in it. */
  #key(event) {
    if (!event.target.matches(".open") || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = stepKey(event.key, this.worklist) ?? (actionOf(event) === "proceed" ? this.proceed : null);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}

/** The key of the patient of the films that are added next, so that they are found as priors of one another. */
function patientField(worklist) {
  const input = h("input", { type: "text", id: "patient", autocomplete: "off", spellcheck: "false", maxlength: 200, oninput: () => (worklist.patient = input.value.trim()) });
  return h("details", { class: "patient operator", hidden: !worklist.backend.knowsPatients }, h("summary", {}, t("list.patient"), icon("chevron")), h("label", { for: "patient", class: "secondary" }, t("list.patientNote")), input);
}

/** Which colour and icon a row has. */
function appearanceOf(row) {
  if (row.archive) return "archive";
  if (row.active) return "waiting";
  if (row.state === "cancelled" || row.state === "failed") return row.state;
  return row.revealed ? stateOf(row.record) : "ready";
}

function stateText(row) {
  if (row.archive && row.active) return t("list.archiveActive", row.archive);
  if (row.archive && row.state === "done") return t("list.archive", { count: row.archive.done });
  if (row.active || row.state === "cancelled") return t(`list.${row.state}`);
  if (row.state === "failed") return t("verdict.failed");
  if (!row.revealed) return t("list.ready");
  return wordsOf(row.record.result).short;
}

/** For the pointer; the keyboard has keys and the panel for the same, so that the list is one stop of Tab. */
function toolsOf(row, worklist) {
  const { name } = row;
  const tool = (symbol, key, act) => button(symbol, t(`list.${key}`, { name }), act, { iconOnly: true, tabindex: -1 });
  if (row.active) return [tool("stop", "cancel", () => worklist.cancel(row))];
  return [row.unread && tool("retry", "retry", () => worklist.retry(row)), tool("remove", "remove", () => worklist.remove(row))];
}

/** What a key does that steps through a list of films; null for other keys. */
export function stepKey(key, worklist) {
  const actions = {
    ArrowDown: () => worklist.step(1),
    ArrowRight: () => worklist.step(1),
    ArrowUp: () => worklist.step(-1),
    ArrowLeft: () => worklist.step(-1),
    Home: () => worklist.selectEnd(false),
    End: () => worklist.selectEnd(true),
  };
  return actions[key] ?? null;
}
