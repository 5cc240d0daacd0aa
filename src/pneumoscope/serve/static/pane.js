// One film on a canvas, drawn as its View says; dragging, the wheel and pinching change the view.

import { h } from "./dom.js";
import { t } from "./texts.js";
import { drawMeasure, scaleBar } from "./ruler.js";
import { clamp, MAX_ZOOM } from "./view.js";

const MAX_PIXEL_RATIO = 2;
const WHEEL_ZOOM = 0.0016; // change of log(zoom) for each pixel of the wheel

export class Pane {
  #film = null;
  #heatmap = null;
  #cells = null;
  #lungs = null;
  #facts = null;
  #frame = 0;
  #start = null; // where on the film the pointer was pressed
  #pointers = new Map(); // the last event of each pointer that is pressed
  #listener = () => this.redraw();

  /** The caption in the corner, without and with the heatmap. */
  caption = "";
  heatmapCaption = "";
  hasNote = false;
  /** Called when the film is drawn at another scale, perhaps. */
  onscale = null;

  /** withHeatmap: whether this pane ever shows the heatmap and the lungs. */
  constructor(view, { withHeatmap = true } = {}) {
    this.withHeatmap = withHeatmap;
    this.canvas = h("canvas", { role: "img", "aria-label": t("viewer.empty") });
    this.note = h("div", { class: "pane-note", hidden: true });
    this.corner = h("div", { class: "pane-corner", "aria-hidden": "true" });
    this.legend = h(
      "div",
      { class: "legend", "aria-hidden": "true", hidden: true },
      h("span", {}, t("viewer.low")),
      h("i", {}),
      h("span", {}, t("viewer.high")),
    );
    this.ruler = h("div", { class: "ruler", "aria-hidden": "true", hidden: true });
    this.element = h("div", { class: "pane" }, this.canvas, this.corner, this.ruler, this.legend, this.note);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.#listen();
    this.setView(view);
    // Without waiting for a frame, which would show the old picture stretched.
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** Replaces the view. */
  setView(view) {
    this.view?.removeEventListener("change", this.#listener);
    this.view = view;
    view.addEventListener("change", this.#listener);
    this.redraw();
  }

  /**
   * Shows a film, its heatmap, smooth and as cells, and its lungs, each an image source or null. `healthy` says
   * whether the heat speaks for a healthy film, which has one cool colour; `facts` are those of the film's file
   * (`film` of a result), or null; `label` is for screen readers.
   */
  show({ film, heatmap = null, cells = null, lungs = null, healthy = false, facts = null, label = "" }) {
    this.#film = film;
    this.#facts = facts;
    this.#heatmap = heatmap;
    this.#cells = cells;
    this.legend.classList.toggle("healthy", healthy);
    this.#lungs = lungs;
    this.canvas.setAttribute("aria-label", label || t("viewer.empty"));
    this.redraw();
  }

  /** Shows a note over the bottom of the film, such as why there is no heatmap; "" for none. */
  setNote(title, detail = "") {
    this.hasNote = Boolean(title);
    this.note.replaceChildren(h("strong", {}, title), detail ? h("span", {}, detail) : "");
    this.redraw();
  }

  redraw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** CSS pixels per film pixel, and the position of the film's upper left corner in the pane. */
  #placement() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const [columns, rows] = sizeOf(this.#film);
    const scale = Math.min(width / columns, height / rows) * this.view.zoom;
    const left = width / 2 - (0.5 + this.view.x) * columns * scale;
    const top = height / 2 - (0.5 + this.view.y) * rows * scale;
    return { scale, left, top, columns, rows, width, height };
  }

  /** Pixels of the screen for each pixel of the film as it is stored, in percent; 0 without a film. */
  get percent() {
    return this.#film ? 100 * this.#placement().scale * devicePixelRatio * this.#reduction : 0;
  }

  /** Pixels of the picture for each pixel of the film as it is stored: a large film comes reduced. */
  get #reduction() {
    return sizeOf(this.#film)[0] / (this.#facts?.columns ?? sizeOf(this.#film)[0]);
  }

  /** Shows each pixel of the film as one pixel of the screen. */
  showTrueSize() {
    if (!this.#film) return;
    this.view.set({ zoom: (this.view.zoom * 100) / this.percent });
  }

  /** CSS pixels for each millimetre, {x, y}, or null where the file does not say. */
  get #perMillimetre() {
    const spacing = this.#facts?.pixel_spacing_mm;
    if (!spacing) return null;
    const perPixel = this.#placement().scale * this.#reduction;
    return { x: perPixel / spacing[1], y: perPixel / spacing[0] };
  }

  #draw() {
    const { canvas, context, view } = this;
    const ratio = Math.min(devicePixelRatio, MAX_PIXEL_RATIO);
    canvas.width = Math.max(1, Math.round(this.element.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(this.element.clientHeight * ratio));
    // One finger scrolls the page as long as the film cannot be moved.
    canvas.style.setProperty("touch-action", view.tool === "pan" && view.zoom === 1 ? "pan-y" : "none");
    canvas.dataset.tool = view.tool;
    // A reader who has switched the heatmap off does not need the reason why there is none.
    this.note.hidden = !this.hasNote || (Boolean(this.#film) && !view.heatmap);
    const overlaid = this.withHeatmap && view.heatmap && this.#heatmap && view.opacity > 0;
    this.legend.hidden = !overlaid;
    this.ruler.hidden = true;
    this.onscale?.();
    this.corner.textContent = this.#film ? (overlaid ? this.heatmapCaption : this.caption) : "";
    if (!this.#film || !this.element.clientWidth) return;
    const { scale, left, top, columns, rows } = this.#placement();
    const box = [left, top, columns * scale, rows * scale].map((value) => value * ratio);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#film, ...box);
    this.#applyGreyWindow(box);
    if (overlaid) {
      context.globalAlpha = view.opacity;
      context.drawImage(view.cells ? (this.#cells ?? this.#heatmap) : this.#heatmap, ...box);
      context.globalAlpha = 1;
    }
    if (this.withHeatmap && view.lungs && this.#lungs) context.drawImage(this.#lungs, ...box);
    scaleBar(this.ruler, this.#perMillimetre);
    drawMeasure(context, { view, box, ratio, facts: this.#facts });
  }

  /** Applies the grey window to the pixels on the screen, which are fewer than those of the film. */
  #applyGreyWindow([left, top, width, height]) {
    const table = this.view.table();
    if (!table) return;
    const x = Math.floor(clamp(left, 0, this.canvas.width));
    const y = Math.floor(clamp(top, 0, this.canvas.height));
    const right = Math.ceil(clamp(left + width, 0, this.canvas.width));
    const bottom = Math.ceil(clamp(top + height, 0, this.canvas.height));
    if (right <= x || bottom <= y) return;
    const pixels = this.context.getImageData(x, y, right - x, bottom - y);
    const bytes = pixels.data;
    for (let i = 0; i < bytes.length; i += 4) {
      bytes[i] = table[bytes[i]];
      bytes[i + 1] = table[bytes[i + 1]];
      bytes[i + 2] = table[bytes[i + 2]];
    }
    this.context.putImageData(pixels, x, y);
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.view.set({ zoom: 1, x: 0, y: 0 }));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
      this.#start = this.#place(event);
      this.dragTool = event.button === 0 && !event.shiftKey ? this.view.tool : otherTool(this.view.tool);
    });
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    }
  }

  /** Where a pointer is on the film, [x, y] in [0, 1]. */
  #place({ offsetX, offsetY }) {
    if (!this.#film) return null;
    const { scale, left, top, columns, rows } = this.#placement();
    return [clamp((offsetX - left) / scale / columns, 0, 1), clamp((offsetY - top) / scale / rows, 0, 1)];
  }

  #wheel(event) {
    // Without a film the wheel scrolls the page.
    if (!this.#film) return;
    event.preventDefault();
    this.zoomAt(Math.exp(-event.deltaY * WHEEL_ZOOM), event.offsetX, event.offsetY);
  }

  /** Zooms by a factor; the point at (px, py), in CSS pixels of the pane, stays where it is. */
  zoomAt(factor, px = this.element.clientWidth / 2, py = this.element.clientHeight / 2) {
    if (!this.#film) return;
    const before = this.#placement();
    // Not smaller than the pane, unless a small film is shown at its true size.
    const zoom = clamp(this.view.zoom * factor, Math.min(1, this.view.zoom), MAX_ZOOM);
    const scale = (before.scale * zoom) / this.view.zoom;
    const u = (px - before.left) / before.scale / before.columns;
    const v = (py - before.top) / before.scale / before.rows;
    this.view.set({
      zoom,
      x: u - 0.5 - (px - before.width / 2) / scale / before.columns,
      y: v - 0.5 - (py - before.height / 2) / scale / before.rows,
    });
  }

  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last || !this.#film) return;
    if (this.#pointers.size === 2) this.#pinch(last, event);
    else if (this.dragTool === "measure") this.view.set({ measure: { from: this.#start, to: this.#place(event) } });
    else this.drag(this.dragTool, event.clientX - last.clientX, event.clientY - last.clientY);
    this.#pointers.set(event.pointerId, event);
  }

  /** Moves the film ("pan") or changes its grey window ("window") by CSS pixels. */
  drag(tool, dx, dy) {
    const { view } = this;
    if (!this.#film) return;
    if (tool === "window") {
      view.set({ window: view.window + dx, level: view.level - dy / 2 });
    } else {
      const { scale, columns, rows } = this.#placement();
      view.set({ x: view.x - dx / scale / columns, y: view.y - dy / scale / rows });
    }
  }

  #pinch(last, event) {
    const other = [...this.#pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX + other.clientX) / 2 - box.left;
    const y = (event.clientY + other.clientY) / 2 - box.top;
    this.zoomAt(distance(event) / Math.max(1, distance(last)), x, y);
    this.drag("pan", (event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
  }
}

function otherTool(tool) {
  return tool === "pan" ? "window" : "pan";
}

function sizeOf(film) {
  return [film.naturalWidth ?? film.width, film.naturalHeight ?? film.height];
}
