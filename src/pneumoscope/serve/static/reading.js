// The reading room: list, film and verdict of one sitting.

import { announce, button, fill, h, icon } from "./dom.js";
import { Pane } from "./pane.js";
import { preview } from "./pictures.js";
import { preferences } from "./preferences.js";
import { RowList } from "./rows.js";
import { t } from "./texts.js";
import { arrowKey, segmented, toolbar, viewKey } from "./toolbar.js";
import { verdictPanel } from "./verdict.js";
import { View } from "./view.js";
import * as words from "./words.js";

const NARROW = matchMedia("(max-width: 760px)");

export class Reading {
  #shown = ""; // what the panes hold, so that a line's progress does not load its film again
  #preview = null; // what the panes show if it is the browser's own picture
  hasHeat = false;
  #turn = 0; // counts selections, so that a film that comes late is not shown

  constructor(worklist, { pictures, downloads, pick }) {
    Object.assign(this, { worklist, pictures, downloads });
    this.view = new View();
    this.view.set({ opacity: preferences.get("opacity"), tool: NARROW.matches ? "pan" : "window" });
    this.plain = new Pane(this.view, { withHeat: false });
    this.coloured = new Pane(this.view);
    this.layout = NARROW.matches ? "overlay" : preferences.get("layout");
    this.choice = segmented(
      t("viewer.layout"),
      [
        ["side", "sideBySide", t("viewer.side"), "V"],
        ["overlay", "overlay", t("viewer.overlay"), "V"],
      ],
      () => this.layout,
      (layout) => this.setLayout(layout),
    );
    this.tools = toolbar(this.view, () => [this.coloured], this.choice.element);
    this.panes = h(
      "div",
      { class: "panes", tabindex: 0, role: "group", "aria-label": t("viewer.label"), onkeydown: (event) => this.#arrows(event) },
      this.plain.element,
      this.coloured.element,
      this.tools.readout,
    );
    this.message = h("div", { class: "stage-message", hidden: true });
    this.stage = h("section", { class: "stage", "aria-label": t("viewer.label") }, this.panes, this.message, this.tools.element);
    this.panel = h("aside", { class: "panel", "aria-label": t("verdict.label") });
    this.list = new RowList(worklist, { pictures, downloads, pick });
    this.empty = welcome(pick);
    this.room = h("div", { class: "room", hidden: true }, h("h1", { class: "hearing" }, t("parts.read")), this.list.element, this.stage, this.panel);
    this.element = h("div", { class: "reading" }, this.empty, this.room);
    this.setLayout(this.layout);
    this.view.addEventListener("change", () => preferences.get("opacity") === this.view.opacity || preferences.set({ opacity: this.view.opacity }));
    worklist.addEventListener("rows", () => this.#filled());
    worklist.addEventListener("select", () => this.#selected());
    worklist.addEventListener("row", (event) => event.detail === worklist.selected && this.#update(event.detail));
    this.#filled();
    this.#panel(null);
  }

  setLayout(layout) {
    this.layout = layout;
    if (!NARROW.matches) preferences.set({ layout });
    this.choice.update();
    this.#captions();
  }

  /** Keys that hold anywhere in this part; returns whether it was one. */
  key(event) {
    const { worklist } = this;
    const row = worklist.selected;
    if (!worklist.rows.length) return false;
    const actions = {
      j: () => worklist.step(1),
      k: () => worklist.step(-1),
      v: () => this.setLayout(this.layout === "side" ? "overlay" : "side"),
      " ": () => row && worklist.reveal(row),
      delete: () => row && worklist.remove(row),
      d: () => this.panel.querySelector(".menu-holder > button")?.click(),
    };
    const action = actions[event.key.toLowerCase()];
    action?.();
    return Boolean(action) || viewKey(event, this.view, this.coloured);
  }

  #arrows(event) {
    if (arrowKey(event, this.view, this.coloured)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  #filled() {
    const none = !this.worklist.rows.length;
    this.empty.hidden = !none;
    this.room.hidden = none;
  }

  #selected() {
    this.#turn += 1;
    this.#shown = "";
    this.#clear();
    this.view.reset();
    this.#update(this.worklist.selected);
  }

  /** The film before must not stand beside the next one's name and verdict while that is on its way. */
  #clear() {
    this.#keep(null);
    this.panes.dataset.film = "";
    this.plain.show({ film: null });
    this.coloured.show({ film: null });
    this.coloured.say("");
    this.message.hidden = true;
  }

  #update(row) {
    this.#panel(row);
    this.#film(row);
  }

  #panel(row, moment = 0) {
    const { worklist } = this;
    const before = this.panel.firstElementChild?.dataset.look;
    const look = row ? `${row.key} ${row.state} ${row.revealed} ${Boolean(row.archive)}` : "";
    // Progress alone changes nothing here: what is open or focused stays so.
    if (before === look && !moment && !row?.archive) return;
    const inside = this.panel.contains(document.activeElement);
    const content = verdictPanel(row, {
      moment,
      reveal: (one) => worklist.reveal(one),
      retry: (one) => worklist.retry(one),
      force: (one) => worklist.retry(one, { force: true }),
      downloads: (record) => this.downloads.film(record),
    });
    content.dataset.look = look;
    content.tabIndex = -1;
    const revealed = before?.startsWith(`${row?.key} done false`) && row?.revealed;
    content.classList.toggle("arriving", Boolean(revealed));
    fill(this.panel, content);
    // A button that went away takes the focus with it: the panel keeps it instead.
    if (inside) content.focus({ preventScroll: true });
    if (revealed) announce(words.spoken(row.record));
  }

  async #film(row) {
    const wanted = row ? `${row.key} ${row.record?.id ?? row.state === "failed"}` : "";
    this.#heat(row);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const turn = this.#turn;
    const shown = row?.hasFilm ? await this.#pictureOf(row) : null;
    if (turn !== this.#turn || wanted !== this.#shown) {
      shown?.preview?.close();
      return;
    }
    this.#keep(shown);
    const { film } = this;
    // Of which result; a preview is of none.
    this.panes.dataset.film = film && row.record?.state === "done" ? row.record.id : "";
    const label = row ? t("viewer.filmOf", { name: row.name }) : "";
    this.plain.show({ film, label });
    this.coloured.show({ film, label });
    this.panes.classList.toggle("blank", !film);
    this.#explain(row, film);
    this.#heat(row);
    if (row?.state === "done" && !row.revealed && !row.archive) {
      const moment = this.worklist.seen(row);
      this.#panel(row, moment);
    }
  }

  /** The back end's picture of a film, or the browser's own as long as there is none; null without either. */
  async #pictureOf(row) {
    const film = row.record?.state === "done" ? await this.pictures.get(row.record.id, "film") : null;
    if (film) return { film, preview: null };
    const own = row.file ? await preview(row.file) : null;
    return own && { film: own, preview: own };
  }

  /** Closes the preview before, so that a large one does not wait for the garbage collector. */
  #keep(shown) {
    this.#preview?.close();
    this.#preview = shown?.preview ?? null;
    this.film = shown?.film ?? null;
  }

  /** In place of a film that is not there. */
  #explain(row, film) {
    this.message.hidden = Boolean(film) || !row;
    if (film || !row) return;
    const waiting = row.active && !row.archive;
    const key = row.archive ? "archive" : waiting ? "waiting" : row.state === "failed" ? "failed" : row.state === "cancelled" ? "cancelled" : "gone";
    fill(this.message, icon(key === "archive" ? "archive" : "film"), h("p", {}, t(`viewer.missing.${key}`)));
  }

  /** The heatmap belongs to the verdict: it comes with it, not with the film. */
  async #heat(row) {
    const record = row?.record;
    const state = words.heatmapState(record);
    const allowed = Boolean(row?.revealed && state.shown);
    this.tools.allowHeat(allowed, row?.revealed ? state.why : t("heatmap.notYet"));
    const turn = this.#turn;
    const heat = allowed ? await this.pictures.get(record.id, "heatmap") : null;
    if (turn !== this.#turn || row !== this.worklist.selected || row?.record !== record) return;
    const label = heat ? t("viewer.heatOf", { name: row.name, shown: record.result.heatmap_class }) : row ? t("viewer.filmOf", { name: row.name }) : "";
    this.coloured.show({ film: this.film, heat, label });
    const why = row?.revealed && this.film && record?.result && !heat && record.result.label !== "REFUSED";
    this.coloured.say(why ? state.why || t("heatmap.gone") : "", why ? state.detail : "");
    this.hasHeat = Boolean(heat);
    this.#captions();
  }

  /** Two columns only with a heatmap for the second: the film by itself has the whole room. */
  #captions() {
    const name = this.worklist.selected?.record?.result?.heatmap_class ?? "";
    this.panes.classList.toggle("two", this.layout === "side" && this.hasHeat);
    this.plain.caption = t("viewer.film");
    this.coloured.caption = t("viewer.film");
    this.coloured.heatCaption = t("viewer.heatFor", { name });
    this.plain.redraw();
    this.coloured.redraw();
  }
}

function welcome(pick) {
  return h(
    "section",
    { class: "welcome", "aria-labelledby": "welcome-title" },
    h(
      "div",
      { class: "drop-zone" },
      h("div", { class: "emblem" }, icon("lungs")),
      h("h1", { id: "welcome-title" }, t("welcome.title")),
      h("p", { class: "lead soft" }, t("welcome.lead")),
      button("upload", t("welcome.pick"), pick, { key: "O", class: "primary large operator" }),
      h("p", { class: "quiet" }, t("welcome.formats")),
    ),
    h("ul", { class: "promises" }, ["one", "two", "three"].map((key) => h("li", {}, h("strong", {}, t(`welcome.${key}.title`)), h("span", {}, t(`welcome.${key}.text`))))),
  );
}
