// The tools under a film: heatmap, opacity, what dragging does, zoom, invert, reset.

import { button, h, icon } from "./dom.js";
import { t } from "./texts.js";
import { FULL_WINDOW } from "./view.js";

const STEP = 1.25;

/** A row of buttons of which one is pressed; `choices` is [[value, icon, label, key], ...]. */
export function segmented(label, choices, get, set) {
  const buttons = choices.map(([value, name, text, key]) =>
    button(name, text, () => set(value), { quiet: Boolean(name), key, "aria-pressed": "false", dataset: { value } }),
  );
  const update = () => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.value === String(get())));
  };
  update();
  return { element: h("div", { class: "segmented", role: "group", "aria-label": label }, buttons), update };
}

/** The toolbar of a view. `panes` are what its zoom buttons act on; `extra` stands before all. */
export function toolbar(view, panes, extra = []) {
  const eye = button("eye", t("viewer.heatmap"), () => view.set({ heat: !view.heat }), {
    key: "H",
    "aria-pressed": "true",
    class: "toggle",
  });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    "aria-label": t("viewer.opacity"),
    title: t("keys.hint", { label: t("viewer.opacity"), key: ", ." }),
    oninput: (event) => view.set({ opacity: event.target.value / 100, heat: true }),
  });
  const share = h("output", { class: "share" });
  const tools = segmented(
    t("viewer.drag"),
    [
      ["window", "window", t("viewer.window"), "W"],
      ["pan", "pan", t("viewer.pan"), "P"],
    ],
    () => view.tool,
    (tool) => view.set({ tool }),
  );
  const invert = button("invert", t("viewer.invert"), () => view.set({ invert: !view.invert }), {
    quiet: true,
    key: "I",
    "aria-pressed": "false",
  });
  const reset = button("reset", t("viewer.reset"), () => view.reset(), { quiet: true, key: "R" });
  const readout = h("output", { class: "readout" });
  const zoom = (factor) => panes()[0]?.zoomAt(factor);

  const update = () => {
    eye.setAttribute("aria-pressed", String(view.heat));
    eye.replaceChild(icon(view.heat ? "eye" : "hidden"), eye.firstChild);
    slider.value = Math.round(100 * view.opacity);
    share.textContent = `${slider.value} %`;
    invert.setAttribute("aria-pressed", String(view.invert));
    reset.disabled = !view.touched;
    tools.update();
    readout.textContent = t("viewer.readout", {
      window: Math.round(view.window),
      level: Math.round(view.level),
      zoom: Math.round(100 * view.zoom),
    });
  };
  view.addEventListener("change", update);
  update();

  const heat = h("div", { class: "tools heat" }, eye, slider, share);
  const element = h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": t("viewer.tools") },
    extra,
    heat,
    h(
      "div",
      { class: "tools" },
      tools.element,
      button("minus", t("viewer.out"), () => zoom(1 / STEP), { quiet: true, key: "-" }),
      button("plus", t("viewer.in"), () => zoom(STEP), { quiet: true, key: "+" }),
      invert,
      reset,
    ),
  );
  return {
    element,
    /** Window, level and zoom in figures, to be laid over the film. */
    readout,
    /** Turns the heatmap's part on or off, with the reason as its title. */
    allowHeat(allowed, why = "") {
      eye.disabled = !allowed;
      slider.disabled = !allowed;
      heat.title = allowed ? "" : why;
      heat.classList.toggle("off", !allowed);
    },
  };
}

/** What keys do to a view; returns whether the key was one of them. */
export function viewKey(event, view, pane) {
  const actions = {
    h: () => view.set({ heat: !view.heat }),
    ",": () => view.set({ opacity: view.opacity - 0.05, heat: true }),
    ".": () => view.set({ opacity: view.opacity + 0.05, heat: true }),
    w: () => view.set({ tool: "window" }),
    p: () => view.set({ tool: "pan" }),
    i: () => view.set({ invert: !view.invert }),
    r: () => view.reset(),
    "+": () => pane.zoomAt(STEP),
    "=": () => pane.zoomAt(STEP),
    "-": () => pane.zoomAt(1 / STEP),
    0: () => view.set({ zoom: 1, x: 0, y: 0 }),
  };
  const action = actions[event.key.toLowerCase()];
  action?.();
  return Boolean(action);
}

/** Arrow keys on a focused film: move it, or with Shift its grey window. */
export function arrowKey(event, view, pane) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!way) return false;
  if (event.shiftKey) {
    view.set({ window: view.window + (way[0] * FULL_WINDOW) / 32, level: view.level - way[1] * 4 });
  } else pane.drag("pan", -24 * way[0], -24 * way[1]);
  return true;
}
