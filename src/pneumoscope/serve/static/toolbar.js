// The tools below a film: heatmap, opacity, lungs, what dragging does, zoom, inversion, reset.

import { button, fill, h, icon } from "./dom.js";
import { hint } from "./keys.js";
import { fixed } from "./locale.js";
import { t } from "./texts.js";
import { FULL_WINDOW } from "./view.js";

const ZOOM_STEP = 1.25;
const OPACITY_STEP = 0.05;
const FIT = { zoom: 1, x: 0, y: 0 };
const MOVE_PX = 24; // for each arrow key

/** A row of buttons of which one is pressed; `choices` is [[value, icon, label, action of a key], ...]. */
export function segmented(label, choices, get, set) {
  const buttons = choices.map(([value, name, text, key]) =>
    button(name, text, () => set(value), { iconOnly: Boolean(name), key, "aria-pressed": "false", dataset: { value } }),
  );
  const update = () => {
    for (const choice of buttons) choice.setAttribute("aria-pressed", String(choice.dataset.value === String(get())));
  };
  update();
  return { element: h("div", { class: "segmented", role: "group", "aria-label": label }, buttons), update };
}

/** The toolbar of a view. Its zoom buttons act on `pane`; `extra` is placed first. */
export function toolbar(view, pane, extra = []) {
  const heatmap = heatmapTools(view);
  const film = filmTools(view, pane);
  const readout = h("output", { class: "readout" });
  const update = () => {
    heatmap.update();
    film.update();
    const fits = view.zoom === 1;
    readout.hidden = !pane.percent; // without a film there is nothing to say
    const { window, level } = pane.depth?.readout(view) ?? view;
    const decimals = pane.depth && pane.depth.step < 0.5 ? 2 : 0;
    readout.textContent = t(fits ? "viewer.readoutFit" : "viewer.readout", {
      window: figure(window, decimals),
      level: figure(level, decimals),
      zoom: Math.round(pane.percent),
    });
  };
  view.addEventListener("change", update);
  pane.onscale = update;
  update();
  return {
    element: h("div", { class: "toolbar", role: "toolbar", "aria-label": t("viewer.tools") }, extra, heatmap.element, heatmap.lungs, film.element),
    /** Window, level and zoom in figures, to be laid over the film. */
    readout,
    allowHeatmap: heatmap.allow,
    /** Offers the outline of the lungs, or not, where the film has none. */
    offerLungs: (offered) => (heatmap.lungs.hidden = !offered),
  };
}

const figure = (value, decimals) => (decimals ? `${value < 0 ? "-" : ""}${fixed(Math.abs(value), decimals)}` : Math.round(value));

/** The choice of a preset for the grey window: those of the film's header, the full range, and one for lungs. */
function presetChoice(view, pane) {
  const element = h("select", {
    class: "preset",
    "aria-label": t("viewer.presets"),
    title: hint(t("viewer.presets"), "preset"),
    dataset: { keys: "preset", label: t("viewer.presets") },
    onchange: () => view.choose(element.value),
  });
  let offered = "";
  return {
    element,
    update() {
      const presets = presetsOf(pane);
      const names = presets.map(([key, voi]) => presetName(key, voi));
      if (offered !== names.join("\n")) fill(element, presets.map(([key], place) => h("option", { value: key }, names[place])));
      offered = names.join("\n");
      element.value = presets.some(([key]) => key === view.voi) ? view.voi : "0";
    },
  };
}

const SIMPLE = ["0", "full", "lung"].map((key) => [key, { name: "", curve: null }]);

/** [key, preset] of the film; before its values are known, those that every film has. */
const presetsOf = (pane) => (pane.depth ? [...pane.depth.presets] : SIMPLE);

function presetName(key, { name, curve }) {
  if (key === "full" || key === "lung") return t(`viewer.preset.${key}`);
  const kind = key === "0" ? "opened" : curve ? "curve" : "window";
  return name ? t(`viewer.preset.${kind}Named`, { name }) : t(`viewer.preset.${kind}`, { number: key });
}

/** The buttons that show the heatmap and the lungs, and the slider of the heatmap's opacity. */
function heatmapTools(view) {
  const lungs = button("lungs", t("viewer.lungs"), () => view.set({ lungs: !view.lungs }), { iconOnly: true, key: "lungs", "aria-pressed": "true" });
  const cells = button("grid", t("viewer.cells"), () => view.set({ cells: !view.cells }), { iconOnly: true, key: "cells", "aria-pressed": "false" });
  const show = button("eye", t("viewer.heatmap"), () => view.set({ heatmap: !view.heatmap }), { key: "heatmap", "aria-pressed": "true", class: "toggle" });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    "aria-label": t("viewer.opacity"),
    title: hint(t("viewer.opacity"), "weaker stronger"),
    dataset: { keys: "weaker stronger", label: t("viewer.opacity") },
    oninput: (event) => view.set({ opacity: event.target.value / 100, heatmap: true }),
  });
  const percentage = h("output", { class: "percentage" });
  const element = h("div", { class: "tools heatmap-tools" }, show, slider, percentage, cells);
  lungs.hidden = true;
  return {
    element,
    lungs,
    update() {
      show.setAttribute("aria-pressed", String(view.heatmap));
      lungs.setAttribute("aria-pressed", String(view.lungs));
      cells.setAttribute("aria-pressed", String(view.cells));
      show.replaceChild(icon(view.heatmap ? "eye" : "hidden"), show.firstChild);
      slider.value = Math.round(100 * view.opacity);
      percentage.textContent = `${slider.value} %`;
    },
    /** Enables or disables these tools; the reason is their tooltip. */
    allow(allowed, reason = "") {
      show.disabled = !allowed;
      slider.disabled = !allowed;
      cells.disabled = !allowed;
      element.title = allowed ? "" : reason;
      element.classList.toggle("disabled", !allowed);
    },
  };
}

/** What dragging does, and the buttons for zoom, inversion and reset. */
function filmTools(view, pane) {
  const dragging = segmented(
    t("viewer.drag"),
    [
      ["window", "window", t("viewer.window"), "window"],
      ["pan", "pan", t("viewer.pan"), "pan"],
      ["measure", "ruler", t("viewer.measure"), "measure"],
      ["ratio", "ratio", t("viewer.ratio"), "ratio"],
    ],
    () => view.tool,
    (tool) => view.set({ tool }),
  );
  const invert = button("invert", t("viewer.invert"), () => view.set({ invert: !view.invert }), { iconOnly: true, key: "invert", "aria-pressed": "false" });
  const presets = presetChoice(view, pane);
  const lens = button("search", t("viewer.magnifier"), () => view.set({ magnifier: !view.magnifier }), { iconOnly: true, key: "magnifier", "aria-pressed": "false" });
  const reset = button("reset", t("viewer.reset"), () => view.reset(), { iconOnly: true, key: "reset" });
  const out = button("minus", t("viewer.out"), () => pane.zoomAt(1 / ZOOM_STEP), { iconOnly: true, key: "zoomOut" });
  const size = segmented(
    t("viewer.size"),
    [
      ["fit", "", t("viewer.fit"), "fit"],
      ["true", "", t("viewer.trueSize"), "trueSize"],
    ],
    () => (view.zoom === 1 ? "fit" : Math.round(pane.percent) === 100 ? "true" : ""),
    (chosen) => (chosen === "fit" ? view.set(FIT) : pane.showTrueSize()),
  );
  const into = button("plus", t("viewer.in"), () => pane.zoomAt(ZOOM_STEP), { iconOnly: true, key: "zoomIn" });
  return {
    element: h("div", { class: "tools" }, dragging.element, presets.element, size.element, out, into, lens, invert, reset),
    update() {
      dragging.update();
      size.update();
      presets.update();
      lens.setAttribute("aria-pressed", String(view.magnifier));
      invert.setAttribute("aria-pressed", String(view.invert));
      reset.disabled = !view.changed;
    },
  };
}

/** Applies an action of the keyboard to a view; returns whether it has a meaning. */
export function viewAction(name, view, pane) {
  const actions = {
    heatmap: () => view.set({ heatmap: !view.heatmap }),
    lungs: () => view.set({ lungs: !view.lungs }),
    cells: () => view.set({ cells: !view.cells }),
    weaker: () => view.set({ opacity: view.opacity - OPACITY_STEP, heatmap: true }),
    stronger: () => view.set({ opacity: view.opacity + OPACITY_STEP, heatmap: true }),
    window: () => view.set({ tool: "window" }),
    pan: () => view.set({ tool: "pan" }),
    measure: () => view.set({ tool: "measure" }),
    ratio: () => view.set({ tool: "ratio" }),
    preset: () => view.choose(nextPreset(view, pane)),
    magnifier: () => view.set({ magnifier: !view.magnifier }),
    trueSize: () => pane.showTrueSize(),
    invert: () => view.set({ invert: !view.invert }),
    reset: () => view.reset(),
    zoomIn: () => pane.zoomAt(ZOOM_STEP),
    zoomOut: () => pane.zoomAt(1 / ZOOM_STEP),
    fit: () => view.set(FIT),
  };
  const action = actions[name];
  action?.();
  return Boolean(action);
}

function nextPreset(view, pane) {
  const keys = presetsOf(pane).map(([key]) => key);
  return keys[(keys.indexOf(view.voi) + 1) % keys.length];
}

/** Applies an arrow key to a film that has the focus: moves it, or with Shift its grey window. */
export function arrowKey(event, view, pane) {
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!direction) return false;
  const [x, y] = direction;
  if (event.shiftKey) view.set({ window: view.window + (x * FULL_WINDOW) / 32, level: view.level - 4 * y });
  else pane.drag("pan", -MOVE_PX * x, -MOVE_PX * y);
  return true;
}
