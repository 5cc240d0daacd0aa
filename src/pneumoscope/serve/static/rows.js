// The list of films at the left: one line each, at once, with its state.

import { announce, button, fill, h, icon } from "./dom.js";
import { action, menu } from "./menu.js";
import { drawThumbnail, preview } from "./pictures.js";
import { t } from "./texts.js";
import { spoken, stateOf, wordsOf } from "./words.js";

const THUMB_PX = 112; // twice what is shown, for fine screens

/** The list of a Worklist over its Pictures and Downloads; `pick()` opens the file dialog. */
export class RowList {
  #lines = new Map();
  #previews = Promise.resolve();

  constructor(worklist, { pictures, downloads, pick }) {
    Object.assign(this, { worklist, pictures, downloads });
    this.list = h("ul", { class: "rows", "aria-label": t("list.label") });
    this.count = h("p", { class: "count" });
    this.stopAll = button("stop", t("list.cancelAll"), () => worklist.cancelAll(), { quiet: true, hidden: true });
    const all = menu("download", t("download.all"), () => this.#exports(), { quiet: true });
    this.element = h(
      "aside",
      { class: "worklist", "aria-label": t("list.label") },
      h(
        "div",
        { class: "list-head" },
        button("upload", t("list.add"), pick, { key: "O", class: "wide operator" }),
        h("div", { class: "list-tools" }, this.count, h("span", { class: "grow" }), this.stopAll, all),
      ),
      this.list,
    );
    worklist.addEventListener("rows", () => this.#arrange());
    worklist.addEventListener("select", () => this.#selected());
    worklist.addEventListener("row", (event) => this.#update(event.detail));
    worklist.addEventListener("finished", (event) => {
      const row = event.detail;
      // A verdict that is not to be seen yet is not to be heard either.
      if (row.revealed && row.record) announce(spoken(row.record));
    });
  }

  #exports() {
    const ids = this.worklist.records.map((record) => record.id);
    const rest = [action("bin", t("list.clear"), () => this.worklist.clear())];
    if (this.worklist.rows.some((row) => row.unread)) rest.unshift(action("retry", t("list.retryAll"), () => this.worklist.retryAll()));
    if (!ids.length) return [h("p", { class: "item none" }, t("download.nothing")), ...rest];
    return [...this.downloads.films(ids), h("hr"), ...rest];
  }

  #arrange() {
    const { rows } = this.worklist;
    for (const [row, line] of this.#lines) {
      if (rows.includes(row)) continue;
      line.element.remove();
      this.#lines.delete(row);
    }
    rows.forEach((row, at) => {
      const { element } = this.#lines.get(row) ?? this.#make(row);
      if (this.list.children[at] !== element) this.list.insertBefore(element, this.list.children[at] ?? null);
    });
    this.#counted();
  }

  #counted() {
    const { rows } = this.worklist;
    const films = rows.filter((row) => !row.archive);
    const done = films.filter((row) => !row.active).length;
    const active = rows.some((row) => row.active);
    this.count.textContent = active
      ? t("list.progress", { done, count: films.length })
      : t("list.count", { count: films.length });
    this.stopAll.hidden = !active;
  }

  #make(row) {
    const thumb = h("canvas", { class: "thumb", width: THUMB_PX, height: THUMB_PX, "aria-hidden": "true" });
    const box = h("span", { class: "thumb-box" }, thumb, icon(/\.zip$/i.test(row.name) ? "archive" : "film"));
    const name = h("span", { class: "name", title: row.name }, row.name);
    const state = h("span", { class: "state" });
    const bar = h("progress", { class: "progress", max: 1, "aria-label": t("list.progressOf", { name: row.name }) });
    const open = h(
      "button",
      { type: "button", class: "open", onclick: () => this.worklist.select(row) },
      box,
      h("span", { class: "text" }, name, state),
    );
    const tools = h("div", { class: "row-tools" });
    const element = h("li", { class: "row" }, open, tools, bar);
    const line = { element, open, box, thumb, state, tools, bar, drawn: "", offered: "" };
    this.#lines.set(row, line);
    // One after the other: a hundred large films decoded at once would fill the memory.
    if (row.file) this.#previews = this.#previews.then(() => this.#previewed(row, line));
    this.#update(row);
    return line;
  }

  async #previewed(row, line) {
    if (line.drawn || this.#lines.get(row) !== line) return;
    const small = await preview(row.file, THUMB_PX);
    if (!small) return;
    if (!line.drawn) {
      drawThumbnail(line.thumb, small);
      line.box.classList.add("drawn");
      line.drawn = "preview";
    }
    small.close();
  }

  async #drawn(row, line) {
    const id = row.record?.state === "done" && row.record.id;
    if (!id || line.drawn === id) return;
    line.drawn = id;
    const image = await this.pictures.get(id, "thumbnail");
    if (!image) return;
    drawThumbnail(line.thumb, image);
    line.box.classList.add("drawn");
  }

  #update(row) {
    const line = this.#lines.get(row);
    if (!line) return;
    this.#drawn(row, line);
    const look = lookOf(row);
    line.element.dataset.state = look;
    line.element.classList.toggle("selected", row === this.worklist.selected);
    line.element.setAttribute("data-busy", String(row.active));
    line.open.setAttribute("aria-current", row === this.worklist.selected ? "true" : "false");
    fill(line.state, icon(ICON_OF[look] ?? look), wordOf(row));
    line.bar.hidden = !row.active;
    if (row.state === "sending" || row.archive?.total) line.bar.value = row.progress;
    else line.bar.removeAttribute("value");
    // A button that is replaced while it is pressed does nothing, and loses the focus.
    const offered = `${row.active} ${row.unread}`;
    if (line.offered !== offered) fill(line.tools, toolsOf(row, this.worklist));
    line.offered = offered;
    this.#counted();
  }

  #selected() {
    for (const row of this.#lines.keys()) this.#update(row);
    const line = this.#lines.get(this.worklist.selected);
    line?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

const ICON_OF = { ready: "eye", archive: "archive", cancelled: "stop" };

/** Which colour and icon a line has. */
function lookOf(row) {
  if (row.archive) return "archive";
  if (row.active) return "waiting";
  if (row.state === "cancelled" || row.state === "failed") return row.state;
  return row.revealed ? stateOf(row.record) : "ready";
}

function wordOf(row) {
  if (row.archive && !row.active && row.state === "done") return t("list.archive", { count: row.archive.done });
  if (row.archive && row.active) return t("list.archiveActive", row.archive);
  if (row.active || row.state === "cancelled") return t(`list.${row.state}`);
  if (row.state === "failed") return t("verdict.failed");
  if (!row.revealed) return t("list.ready");
  return wordsOf(row.record.result).short;
}

function toolsOf(row, worklist) {
  const { name } = row;
  if (row.active) return [button("stop", t("list.cancel", { name }), () => worklist.cancel(row), { quiet: true })];
  return [
    row.unread && button("retry", t("list.retry", { name }), () => worklist.retry(row), { quiet: true }),
    button("remove", t("list.remove", { name }), () => worklist.remove(row), { quiet: true }),
  ];
}
