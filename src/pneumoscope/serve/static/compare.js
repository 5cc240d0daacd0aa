// Two films side by side, moved together or separately.

import { button, fill, h, icon, toast } from "./dom.js";
import { hint } from "./keys.js";
import { Pane } from "./pane.js";
import { t } from "./texts.js";
import { arrowKey, toolbar, viewAction } from "./toolbar.js";
import { badges, outsideBanner, probability, problemSentence } from "./verdict.js";
import { View } from "./view.js";
import * as words from "./words.js";

const CHOICES = 100; // films to choose from

class Side {
  record = null;

  constructor(index, view, { bundles, pictures, onPick }) {
    Object.assign(this, { bundles, pictures });
    this.separate = new View(); // when the films are not moved together
    this.pane = new Pane(view);
    this.choice = h("select", { "aria-label": t("compare.pick", { side: t(`compare.side${index}`) }), onchange: () => onPick(this.choice.value) });
    this.summary = h("div", { class: "summary" });
    this.box = h("div", { class: "pane-holder", tabindex: 0, role: "group", "aria-label": t(`compare.side${index}`) }, this.pane.element);
    this.element = h("article", { class: "compare-side" }, h("label", { class: "with-chevron" }, this.choice, icon("chevron")), this.box, this.summary);
  }

  async show(record) {
    this.record = record;
    this.choice.value = record?.id ?? "";
    this.#summarise();
    const state = words.heatmapState(record);
    // The previous film must not be shown with the verdict of this one.
    this.pane.show({ film: null });
    this.pane.setNote("");
    const readable = record && !record.error;
    const [film, heatmap, cells] = await Promise.all([
      readable && this.pictures.get(record.id, "film"),
      state.shown ? this.pictures.get(record.id, "heatmap") : null,
      state.shown ? this.pictures.get(record.id, "cells") : null,
    ]);
    if (this.record !== record) return;
    this.pane.show({ film, heatmap, cells, healthy: words.isHealthy(record?.result), facts: record?.result?.film, label: record ? t("viewer.filmOf", { name: record.film.name }) : "" });
    this.pane.heatmapCaption = t("viewer.heatmapFor", { name: record?.result ? words.wordsOf(record.result).heatmap_for : "" });
    this.#loadDepth(record, film);
    if (record && !film) this.pane.setNote(t(readable ? "viewer.missing.gone" : "viewer.missing.failed"));
    else this.pane.setNote(heatmap ? "" : state.why, state.detail);
  }

  /** Has the film's values follow its picture, for grey windows. */
  async #loadDepth(record, film) {
    const depth = film && words.hasDepth(record) ? await this.pictures.depth(record.id) : null;
    if (depth && this.record === record) this.pane.setDepth(depth);
  }

  #summarise() {
    const { record } = this;
    if (!record) return fill(this.summary, h("p", { class: "secondary" }, t("compare.none")));
    const state = words.stateOf(record);
    const result = record.result;
    const readBy = this.bundles.sentenceOf(result);
    const judged = result && result.label !== "REFUSED";
    const reason = result ? words.reasons(result)[0]?.sentence : problemSentence(record.error);
    return fill(
      this.summary,
      result && outsideBanner(result),
      h(
        "div",
        { class: `verdict state-${state}` },
        h("div", {}, h("h2", { class: "headline" }, icon(state), words.labelOf(record)), h("span", { class: "marks" }, badges(result)), readBy && h("p", { class: "secondary" }, readBy)),
        judged ? probability(result, { compact: true }) : h("p", { class: "secondary" }, reason),
      ),
    );
  }
}

export class Compare {
  linked = true;

  /** hides: whether the verdict of a record must not be shown yet. */
  constructor({ backend, bundles, pictures, hides }) {
    Object.assign(this, { backend, hides });
    this.view = new View();
    this.view.set({ heatmap: false });
    this.sides = [0, 1].map((index) => new Side(index, this.view, { bundles, pictures, onPick: (id) => this.#picked(index, id) }));
    this.link = button("link", t("compare.link"), () => this.#toggle(), { "aria-pressed": "true", class: "toggle", title: hint(t("compare.linkTitle"), "link"), dataset: { keys: "link", label: t("compare.linkTitle") } });
    this.toolbars = h("div", { class: "toolbars" });
    this.sides.forEach((side) => side.box.addEventListener("keydown", (event) => arrowKey(event, side.pane.view, side.pane) && event.preventDefault()));
    this.element = h(
      "section",
      { class: "compare", "aria-labelledby": "compare-title" },
      h("header", { class: "page-head" }, h("h1", { id: "compare-title" }, t("compare.title")), this.link),
      h("div", { class: "sides" }, this.sides.map((side) => side.element)),
      this.toolbars,
    );
    this.#tools();
  }

  /** Fills the two choices. Shows the films of `wanted`, else those shown before, else the two newest. */
  async open(wanted = []) {
    const records = await this.backend.list({ limit: CHOICES }).catch((problem) => {
      toast(problem.title, problem.hint, "error");
      return [];
    });
    const listed = records.filter((record) => record.state === "done" && !this.hides(record));
    const known = new Set(listed.map((record) => record.id));
    const visible = wanted.filter((record) => record && !this.hides(record));
    this.records = [...visible.filter((record) => !known.has(record.id)), ...listed];
    for (const side of this.sides) {
      fill(side.choice, h("option", { value: "" }, t("compare.choose")), this.records.map((record) => h("option", { value: record.id }, `${record.film.name} · ${words.markedLabelOf(record)}`)));
    }
    const before = this.sides.map((side) => this.records.find((record) => record.id === side.record?.id));
    const shown = visible.length ? visible : before.some(Boolean) ? before : this.records.slice(0, 2).reverse();
    await Promise.all(this.sides.map((side, index) => side.show(shown[index] ?? null)));
  }

  key(event, action) {
    const focused = this.sides.find((side) => side.element.contains(document.activeElement)) ?? this.sides[0];
    if (action === "link") {
      this.#toggle();
      return true;
    }
    return viewAction(action, focused.pane.view, focused.pane);
  }

  #picked(index, id) {
    this.sides[index].show(this.records.find((record) => record.id === id) ?? null);
  }

  #toggle() {
    this.linked = !this.linked;
    this.link.setAttribute("aria-pressed", String(this.linked));
    for (const side of this.sides) {
      // Separated films start from the view that they shared.
      if (!this.linked) side.separate.copy(this.view);
      side.pane.setView(this.linked ? this.view : side.separate);
    }
    this.#tools();
  }

  #tools() {
    const bars = this.linked ? [toolbar(this.view, this.sides[0].pane)] : this.sides.map((side) => toolbar(side.separate, side.pane));
    this.toolbars.dataset.count = bars.length;
    fill(this.toolbars, bars.map((bar) => bar.element));
    this.sides.forEach((side, index) => {
      side.box.querySelector(".readout")?.remove();
      if (bars[index]) side.box.append(bars[index].readout);
    });
  }
}
