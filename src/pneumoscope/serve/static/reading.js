// The Read tab: the list of films, the selected film and its verdict.

import { bundleField } from "./bundles.js";
import { allCalled, callOfAction, openAgreement } from "./calls.js";
import { announce, button, fill, h, icon, toast } from "./dom.js";
import { Pane } from "./pane.js";
import { preview } from "./pictures.js";
import { preferences } from "./preferences.js";
import { RowList, stepKey } from "./rows.js";
import { t } from "./texts.js";
import { arrowKey, segmented, toolbar, viewAction } from "./toolbar.js";
import { verdictPanel } from "./verdict.js";
import { View } from "./view.js";
import * as words from "./words.js";

const NARROW = matchMedia("(max-width: 760px)");
const PRIORS = 100; // films of one patient that are looked through
const DEPTH_MS = 250; // that a film is on the stage until its values are loaded: nobody windows films in passing

export class Reading {
  #selection = 0; // counts selections, so that a picture that arrives late is not shown
  #depthTimer = 0;
  #shownFilm = ""; // what the panes show, so that a film is not loaded again while its row changes
  #preview = null; // what the panes show if it is the browser's own picture
  film = null;
  hasHeatmap = false;
  #wantsHeatmap = { normal: false, others: true }; // whether the heatmap is shown, by the verdict
  #wantedFor = ""; // which of these the film on the stage follows; "" before its verdict

  constructor(worklist, { bundles, pictures, downloads, pick, pickFolder, sample, compare }) {
    Object.assign(this, { worklist, bundles, pictures, downloads, compare });
    this.view = new View();
    this.view.set({ opacity: preferences.get("opacity"), cells: preferences.get("cells"), tool: NARROW.matches ? "pan" : "window" });
    this.plainPane = new Pane(this.view, { withHeatmap: false });
    this.heatmapPane = new Pane(this.view);
    this.layout = NARROW.matches ? "overlay" : preferences.get("layout");
    this.layoutChoice = segmented(
      t("viewer.layout"),
      [
        ["side", "sideBySide", t("viewer.side"), "layout"],
        ["overlay", "overlay", t("viewer.overlay"), "layout"],
      ],
      () => this.layout,
      (layout) => this.setLayout(layout),
    );
    this.tools = toolbar(this.view, this.heatmapPane, this.layoutChoice.element);
    this.list = new RowList(worklist, { bundles, pictures, downloads, pick, pickFolder, proceed: () => this.#proceed() });
    this.welcome = welcome({ pick, pickFolder, sample, bundles });
    this.#build();
    this.setLayout(this.layout);
    new ResizeObserver(() => this.#arrangePanes()).observe(this.panes);
    this.view.addEventListener("change", () => this.#viewChanged());
    preferences.addEventListener("change", () => this.#readerModeChanged());
    worklist.addEventListener("rows", () => this.#showListOrWelcome());
    worklist.addEventListener("select", () => this.#selected());
    worklist.addEventListener("row", (event) => event.detail === worklist.selected && this.#update(event.detail));
    this.#showListOrWelcome();
    this.#updatePanel(null);
  }

  #readerModeChanged() {
    if (this.reader === preferences.get("reader")) return;
    this.reader = preferences.get("reader");
    if (this.worklist.selected) this.#update(this.worklist.selected);
  }

  #build() {
    this.panes = h(
      "div",
      { class: "panes", tabindex: 0, role: "group", "aria-label": t("viewer.label"), onkeydown: (event) => this.#arrows(event) },
      this.plainPane.element,
      this.heatmapPane.element,
      this.tools.readout,
    );
    this.message = h("div", { class: "viewer-message", hidden: true });
    const viewer = h("section", { class: "viewer", "aria-label": t("viewer.label") }, this.panes, this.message, this.tools.element);
    this.panel = h("aside", { class: "panel", "aria-label": t("verdict.label") });
    this.workspace = h("div", { class: "workspace", hidden: true }, h("h1", { class: "visually-hidden" }, t("tabs.read")), this.list.element, viewer, this.panel);
    this.element = h("div", { class: "reading" }, this.welcome, this.workspace);
  }

  #viewChanged() {
    const { opacity, cells, heatmap } = this.view;
    if (preferences.get("opacity") !== opacity || preferences.get("cells") !== cells) preferences.set({ opacity, cells });
    if (this.#wantedFor) this.#wantsHeatmap[this.#wantedFor] = heatmap;
  }

  /** On a NORMAL film there is no heatmap unless the reader switches it on: colour looks like a finding. */
  #followVerdict(row) {
    const { shown } = words.heatmapState(row?.record);
    let wanted = "";
    // Where there is none, the note that says why is shown in any case.
    if (row?.revealed && row.record?.result) wanted = shown && words.stateOf(row.record) === "normal" ? "normal" : "others";
    if (wanted === this.#wantedFor) return;
    this.#wantedFor = "";
    this.view.set({ heatmap: this.#wantsHeatmap[wanted || "others"] });
    this.#wantedFor = wanted;
  }

  setLayout(layout) {
    this.layout = layout;
    if (!NARROW.matches) preferences.set({ layout });
    this.layoutChoice.update();
    this.#arrangePanes();
  }

  /** Applies a key that works anywhere in this tab, and its action; returns whether the key has a meaning. */
  key(event, name) {
    const { worklist } = this;
    const row = worklist.selected;
    if (!worklist.rows.length) return false;
    const actions = {
      next: () => worklist.step(1),
      previous: () => worklist.step(-1),
      layout: () => this.setLayout(this.layout === "side" ? "overlay" : "side"),
      proceed: () => this.#proceed(),
      filter: () => this.list.toggleFilters(),
      remove: () => row && worklist.remove(row),
      downloads: () => this.panel.querySelector(".menu-holder > button")?.click(),
    };
    const call = this.#awaitsCall(row) && callOfAction(name);
    if (call) {
      this.#call(row, call, this.panel.querySelector("#call-note")?.value.trim());
      return true;
    }
    // Arrow keys move the slider that has the focus, and scroll the panel.
    const elsewhere = event.target.matches("input") || this.panel.contains(event.target);
    const action = actions[name] ?? (elsewhere ? null : stepKey(event.key, worklist));
    action?.();
    return Boolean(action) || viewAction(name, this.view, this.heatmapPane);
  }

  /** Whether the reader is to make a call on this film before anything is said of it. */
  #awaitsCall(row) {
    return Boolean(preferences.get("reader") && row?.state === "done" && !row.revealed && !row.archive && !row.call);
  }

  #call(row, call, note) {
    this.worklist.call(row, call, note);
    if (allCalled(this.worklist.rows)) announce(t("calls.all"));
  }

  /** Shows the verdict of the selected film; if it is shown already, the next film. */
  #proceed() {
    const row = this.worklist.selected;
    if (row?.state === "done" && !row.revealed) this.#reveal(row);
    else this.worklist.step(1);
  }

  /** Opens the newest earlier film of the same patient beside this one. */
  async #showPriors(record) {
    try {
      const films = await this.worklist.backend.list({ limit: PRIORS, patientOf: record.id });
      const [prior] = films.filter(({ id, state, created }) => id !== record.id && state === "done" && created <= record.created);
      if (prior) this.compare([prior, record]);
      else toast(t("verdict.noPriors"), t("verdict.noPriorsHint"));
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  #reveal(row) {
    if (!this.worklist.reveal(row) && this.#awaitsCall(row)) announce(t("calls.first"));
  }

  #arrows(event) {
    if (arrowKey(event, this.view, this.heatmapPane)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  #showListOrWelcome() {
    const empty = !this.worklist.rows.length;
    this.welcome.hidden = !empty;
    this.workspace.hidden = empty;
  }

  #selected() {
    this.#selection += 1;
    this.#shownFilm = "";
    this.#clear();
    this.view.reset();
    this.#update(this.worklist.selected);
  }

  /** Removes the previous film, which must not be shown with the name and verdict of the next one. */
  #clear() {
    this.#setFilm(null);
    this.panes.dataset.film = "";
    this.panes.dataset.depth = "";
    this.plainPane.show({ film: null });
    this.heatmapPane.show({ film: null });
    this.heatmapPane.setNote("");
    this.message.hidden = true;
  }

  #update(row) {
    this.#updatePanel(row);
    this.#updateFilm(row);
  }

  /** delay: milliseconds until the verdict is shown by itself. */
  #updatePanel(row, delay = 0) {
    const { worklist } = this;
    const before = this.panel.firstElementChild?.dataset.shown;
    const awaitsCall = this.#awaitsCall(row);
    const now = row ? `${row.key} ${row.state} ${row.revealed} ${Boolean(row.archive)} ${awaitsCall}` : "";
    // Progress alone changes nothing here: what is open or has the focus stays so.
    if (before === now && !delay && !row?.archive) return;
    const hadFocus = this.panel.contains(document.activeElement);
    const content = verdictPanel(row, {
      delay,
      reveal: () => this.#reveal(row),
      call: awaitsCall ? (call, note) => this.#call(row, call, note) : null,
      agreement: row?.call && allCalled(worklist.rows) ? () => openAgreement(worklist.rows, this.downloads) : null,
      retry: () => worklist.retry(row),
      force: () => worklist.retry(row, { force: true }),
      downloads: (record) => this.downloads.film(record),
      bundleOf: (result) => this.bundles.sentenceOf(result),
      label: (labels) => worklist.label(row, labels),
      // Of a film without its file it is not known whether a key of the patient was sent with it.
      priors: worklist.backend.knowsPatients && row && (row.group || !row.file) ? () => this.#showPriors(row.record) : null,
    });
    content.dataset.shown = now;
    content.tabIndex = -1;
    const justRevealed = before?.startsWith(`${row?.key} done false`) && row?.revealed;
    content.classList.toggle("entering", Boolean(justRevealed));
    fill(this.panel, content);
    // If the button with the focus is gone, the panel takes the focus.
    if (hadFocus) content.focus({ preventScroll: true });
    if (justRevealed) announce(words.spoken(row.record));
  }

  async #updateFilm(row) {
    const wanted = row ? `${row.key} ${row.record?.id ?? row.state === "failed"}` : "";
    this.#updateHeatmap(row);
    if (wanted === this.#shownFilm) {
      this.#startTimer(row);
      return;
    }
    this.#shownFilm = wanted;
    const selection = this.#selection;
    const picture = row?.hasFilm ? await this.#pictureOf(row) : null;
    if (selection !== this.#selection || wanted !== this.#shownFilm) {
      picture?.preview?.close();
      return;
    }
    this.#setFilm(picture);
    const { film } = this;
    // The result whose film is shown; a preview belongs to none.
    this.panes.dataset.film = film && row.record?.state === "done" ? row.record.id : "";
    const label = row ? t("viewer.filmOf", { name: row.name }) : "";
    this.plainPane.show({ film, facts: row?.record?.result?.film, label });
    this.heatmapPane.show({ film, facts: row?.record?.result?.film, label });
    this.#arrangePanes();
    this.panes.classList.toggle("blank", !film);
    this.#showMessage(row);
    this.#updateHeatmap(row);
    this.#startTimer(row);
    this.#prefetch();
    this.#loadDepth(row);
  }

  /** Has the values of the film on the stage follow its picture, where they say more. */
  #loadDepth(row) {
    clearTimeout(this.#depthTimer);
    const { film } = this;
    const id = this.panes.dataset.film;
    if (!id || !words.hasDepth(row?.record)) return;
    this.#depthTimer = setTimeout(async () => {
      const depth = await this.pictures.depth(id);
      if (!depth || film !== this.film) return;
      this.plainPane.setDepth(depth);
      this.heatmapPane.setDepth(depth);
      this.panes.dataset.depth = id;
    }, DEPTH_MS);
  }

  /** Has the picture of the next film ready, so that nobody waits for it. */
  #prefetch() {
    const { next } = this.worklist;
    if (next) this.pictures.get(next.id, "film");
  }

  /** Has the verdict follow, if the film on the stage is that of the result. */
  #startTimer(row) {
    if (row?.state !== "done" || row.revealed || row.archive || !this.film || this.panes.dataset.film !== row.record.id) return;
    this.#updatePanel(row, this.worklist.filmShown(row));
  }

  /** The back end's picture of a film, else the browser's own preview of the file, else null. */
  async #pictureOf(row) {
    const film = row.record?.state === "done" ? await this.pictures.get(row.record.id, "film") : null;
    if (film) return { film, preview: null };
    const bitmap = row.file ? await preview(row.file) : null;
    return bitmap && { film: bitmap, preview: bitmap };
  }

  /** Closes the previous preview, so that a large one does not wait for the garbage collector. */
  #setFilm(picture) {
    this.#preview?.close();
    this.#preview = picture?.preview ?? null;
    this.film = picture?.film ?? null;
  }

  /** Says why there is no film. */
  #showMessage(row) {
    this.message.hidden = Boolean(this.film) || !row;
    if (this.film || !row) return;
    let reason = "gone";
    if (row.archive) reason = "archive";
    else if (row.active) reason = "waiting";
    else if (row.state === "failed" || row.state === "cancelled") reason = row.state;
    fill(this.message, icon(row.archive ? "archive" : "film"), h("p", {}, t(`viewer.missing.${reason}`)));
  }

  /** Shows the heatmap and the lungs' outline together with the verdict, not before. */
  async #updateHeatmap(row) {
    const record = row?.record;
    const state = words.heatmapState(record);
    this.#followVerdict(row);
    const allowed = Boolean(row?.revealed && state.shown);
    this.tools.allowHeatmap(allowed, row?.revealed ? state.why : t("heatmap.notYet"));
    const selection = this.#selection;
    const outlined = Boolean(row?.revealed && words.hasLungs(record));
    this.tools.offerLungs(outlined);
    const [heatmap, cells, lungs] = await Promise.all([
      allowed ? this.pictures.get(record.id, "heatmap") : null,
      allowed ? this.pictures.get(record.id, "cells") : null,
      outlined ? this.pictures.get(record.id, "lungs") : null,
    ]);
    if (selection !== this.#selection || row !== this.worklist.selected || row?.record !== record) return;
    let label = row ? t("viewer.filmOf", { name: row.name }) : "";
    if (heatmap) label = t("viewer.heatmapOf", { name: row.name, shown: words.wordsOf(record.result).heatmap_for });
    this.heatmapPane.show({ film: this.film, heatmap, cells, lungs, healthy: words.isHealthy(record?.result), facts: record?.result?.film, label });
    const missing = row?.revealed && this.film && record?.result && !heatmap && record.result.label !== "REFUSED";
    this.heatmapPane.setNote(missing ? state.why || t("heatmap.gone") : "", missing ? state.detail : "");
    this.hasHeatmap = Boolean(heatmap);
    this.#arrangePanes();
  }

  /** Whether both films become larger above each other than side by side. */
  #isWide() {
    const { clientWidth: width, clientHeight: height } = this.panes;
    if (!this.film || !width) return false;
    const columns = this.film.naturalWidth ?? this.film.width;
    const rows = this.film.naturalHeight ?? this.film.height;
    return Math.min(width / columns, height / 2 / rows) > Math.min(width / 2 / columns, height / rows);
  }

  /**
   * The panes have their places before the verdict, so that the film stays where it is when it arrives. Panes
   * side by side are stacked for wide films, which become larger so.
   */
  #arrangePanes() {
    const result = this.worklist.selected?.record?.result;
    const name = result ? words.wordsOf(result).heatmap_for : "";
    this.panes.dataset.layout = this.layout === "side" && this.#isWide() ? "stacked" : this.layout;
    this.panes.classList.toggle("two", this.layout === "side" && this.hasHeatmap);
    this.plainPane.caption = t("viewer.film");
    this.heatmapPane.caption = t("viewer.film");
    this.heatmapPane.heatmapCaption = t("viewer.heatmapFor", { name });
    this.plainPane.redraw();
    this.heatmapPane.redraw();
  }
}

/** Which of the synthetic films is tried: one on which there is something to see. */
function sampleOf({ settings }) {
  const { samples = [] } = settings;
  return samples.find((name) => name.startsWith("pneumonia")) ?? samples[0];
}

function welcome({ pick, pickFolder, sample, bundles }) {
  const trial = button("film", t("welcome.sample"), () => sample(sampleOf(bundles)), { class: "subtle operator", hidden: true });
  bundles.addEventListener("change", () => (trial.hidden = !sampleOf(bundles)));
  const feature = (key) => h("li", {}, h("strong", {}, t(`welcome.${key}.title`)), h("span", {}, t(`welcome.${key}.text`)));
  return h(
    "section",
    { class: "welcome", "aria-labelledby": "welcome-title" },
    h(
      "div",
      { class: "drop-zone" },
      h("div", { class: "logo" }, icon("lungs")),
      h("h1", { id: "welcome-title" }, t("welcome.title")),
      h("p", { class: "lead muted" }, t("welcome.lead")),
      button("upload", t("welcome.pick"), pick, { key: "add", class: "primary large operator" }),
      button("folder", t("list.addFolder"), pickFolder, { class: "subtle operator" }),
      trial,
      h("p", { class: "secondary" }, t("welcome.formats")),
      bundleField(bundles),
    ),
    h("ul", { class: "features" }, ["film", "doubt", "privacy"].map(feature)),
  );
}
