// One film on a canvas, drawn through a View; dragging, wheel and fingers change the view.

import { h } from "./dom.js";
import { t } from "./texts.js";
import { clamp } from "./view.js";

const MOST_DPR = 2;
const WHEEL = 0.0016; // zoom in natural logarithms by pixel of the wheel

export class Pane {
  #film = null;
  #heat = null;
  #drawing = 0;
  #fingers = new Map();
  #listener = () => this.redraw();

  /** What stands in the corner without and with the heatmap. */
  caption = "";
  heatCaption = "";
  said = false;

  /** withHeat: whether this pane shows the heatmap at all. */
  constructor(view, { withHeat = true } = {}) {
    this.withHeat = withHeat;
    this.canvas = h("canvas", { class: "film", role: "img", "aria-label": t("viewer.empty") });
    this.note = h("div", { class: "pane-note", hidden: true });
    this.corner = h("div", { class: "pane-corner", "aria-hidden": "true" });
    this.element = h("div", { class: "pane" }, this.canvas, this.corner, this.note);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.#listen();
    this.use(view);
    // At once, so that no frame shows the old picture stretched.
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** Looks through another view from now on. */
  use(view) {
    this.view?.removeEventListener("change", this.#listener);
    this.view = view;
    view.addEventListener("change", this.#listener);
    this.redraw();
  }

  /** Shows a film and its heatmap, both image sources or null; `label` is for screen readers. */
  show({ film, heat = null, label = "" }) {
    this.#film = film;
    this.#heat = heat;
    this.canvas.setAttribute("aria-label", label || t("viewer.empty"));
    this.redraw();
  }

  /** Words over the film's foot, such as why there is no heatmap; "" for none. */
  say(title, detail = "") {
    this.said = Boolean(title);
    this.note.replaceChildren(h("strong", {}, title), detail ? h("span", {}, detail) : "");
    this.redraw();
  }

  redraw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  /** CSS pixels by film pixel, and the film's upper left corner in CSS pixels of the pane. */
  #placed() {
    const { clientWidth: wide, clientHeight: high } = this.element;
    const [columns, rows] = sides(this.#film);
    const scale = Math.min(wide / columns, high / rows) * this.view.zoom;
    const left = wide / 2 - (0.5 + this.view.x) * columns * scale;
    const top = high / 2 - (0.5 + this.view.y) * rows * scale;
    return { scale, left, top, columns, rows, wide, high };
  }

  #draw() {
    const { canvas, context, view } = this;
    const dpr = Math.min(devicePixelRatio, MOST_DPR);
    canvas.width = Math.max(1, Math.round(this.element.clientWidth * dpr));
    canvas.height = Math.max(1, Math.round(this.element.clientHeight * dpr));
    // A finger may scroll the page as long as there is nothing to move in the film.
    canvas.style.setProperty("touch-action", view.tool === "pan" && view.zoom === 1 ? "pan-y" : "none");
    canvas.dataset.tool = view.tool;
    // Who put the heatmap away need not be told why there is none.
    this.note.hidden = !this.said || (Boolean(this.#film) && !view.heat);
    const warm = this.withHeat && view.heat && this.#heat && view.opacity > 0;
    this.corner.textContent = this.#film ? (warm ? this.heatCaption : this.caption) : "";
    if (!this.#film || !this.element.clientWidth) return;
    const { scale, left, top, columns, rows } = this.#placed();
    const box = [left * dpr, top * dpr, columns * scale * dpr, rows * scale * dpr];
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#film, ...box);
    this.#window(box);
    if (warm) {
      context.globalAlpha = view.opacity;
      context.drawImage(this.#heat, ...box);
      context.globalAlpha = 1;
    }
  }

  /** Sends what is drawn of the film through the grey window: cost follows the screen, not the film. */
  #window([left, top, wide, high]) {
    const table = this.view.table();
    if (!table) return;
    const x = Math.floor(clamp(left, 0, this.canvas.width));
    const y = Math.floor(clamp(top, 0, this.canvas.height));
    const right = Math.ceil(clamp(left + wide, 0, this.canvas.width));
    const bottom = Math.ceil(clamp(top + high, 0, this.canvas.height));
    if (right <= x || bottom <= y) return;
    const part = this.context.getImageData(x, y, right - x, bottom - y);
    const bytes = part.data;
    for (let i = 0; i < bytes.length; i += 4) {
      bytes[i] = table[bytes[i]];
      bytes[i + 1] = table[bytes[i + 1]];
      bytes[i + 2] = table[bytes[i + 2]];
    }
    this.context.putImageData(part, x, y);
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.view.set({ zoom: 1, x: 0, y: 0 }));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, event);
      this.dragged = event.button === 0 && !event.shiftKey ? this.view.tool : other(this.view.tool);
    });
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#fingers.delete(event.pointerId));
    }
  }

  #wheel(event) {
    // Without a film the page scrolls as everywhere else.
    if (!this.#film) return;
    event.preventDefault();
    this.zoomAt(Math.exp(-event.deltaY * WHEEL), event.offsetX, event.offsetY);
  }

  /** Zooms and keeps what stands at (px, py), CSS pixels of the pane, where it is. */
  zoomAt(factor, px = this.element.clientWidth / 2, py = this.element.clientHeight / 2) {
    if (!this.#film) return;
    const before = this.#placed();
    const zoom = clamp(this.view.zoom * factor, 1, 16);
    const scale = (before.scale * zoom) / this.view.zoom;
    const u = (px - before.left) / before.scale / before.columns;
    const v = (py - before.top) / before.scale / before.rows;
    this.view.set({
      zoom,
      x: u - 0.5 - (px - before.wide / 2) / scale / before.columns,
      y: v - 0.5 - (py - before.high / 2) / scale / before.rows,
    });
  }

  #move(event) {
    const last = this.#fingers.get(event.pointerId);
    if (!last || !this.#film) return;
    if (this.#fingers.size === 2) this.#pinch(last, event);
    else this.drag(this.dragged, event.clientX - last.clientX, event.clientY - last.clientY);
    this.#fingers.set(event.pointerId, event);
  }

  /** Moves the film, or its grey window, by CSS pixels. */
  drag(tool, dx, dy) {
    const { view } = this;
    if (!this.#film) return;
    if (tool === "window") {
      view.set({ window: view.window + dx, level: view.level - dy / 2 });
    } else {
      const { scale, columns, rows } = this.#placed();
      view.set({ x: view.x - dx / scale / columns, y: view.y - dy / scale / rows });
    }
  }

  #pinch(last, event) {
    const still = [...this.#fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    const apart = (finger) => Math.hypot(finger.clientX - still.clientX, finger.clientY - still.clientY);
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX + still.clientX) / 2 - box.left;
    const y = (event.clientY + still.clientY) / 2 - box.top;
    this.zoomAt(apart(event) / Math.max(1, apart(last)), x, y);
    this.drag("pan", (event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
  }
}

function other(tool) {
  return tool === "window" ? "pan" : "window";
}

function sides(film) {
  return [film.naturalWidth ?? film.width, film.naturalHeight ?? film.height];
}
