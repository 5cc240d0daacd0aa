// One film on a canvas, drawn as its View says; dragging, the wheel and pinching change the view.

import { h } from "./dom.js";
import { t } from "./texts.js";
import { drawRatio, sentenceOf, withPoint } from "./cardiothoracic.js";
import { Depth } from "./depth.js";
import { drawMeasure, scaleBar } from "./ruler.js";
import { clamp, MAX_ZOOM } from "./view.js";

const MAX_PIXEL_RATIO = 2;
const WHEEL_ZOOM = 0.0016; // change of log(zoom) for each pixel of the wheel
const CLICK_PX = 4; // by which the pointer may move in a click
const LENS_PX = 190; // width of the magnifier
const LENS_ZOOM = 2.5;

export class Pane {
  #film = null;
  #depth = null;
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
    this.lens = h("canvas", { class: "lens", "aria-hidden": "true" }); // in the page only while it is in use
    this.hint = h("div", { class: "pane-hint", role: "status", hidden: true });
    this.element = h("div", { class: "pane" }, this.canvas, this.corner, this.ruler, this.legend, this.hint, this.note);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.lensContext = this.lens.getContext("2d", { willReadFrequently: true });
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
   * whether the heat is that of NORMAL, which has one cool colour; `facts` are those of the film's file
   * (`film` of a result), or null; `label` is for screen readers.
   */
  show({ film, heatmap = null, cells = null, lungs = null, healthy = false, facts = null, label = "" }) {
    if (film !== this.#film) this.#depth = null;
    this.#film = film;
    this.#facts = facts;
    this.#heatmap = heatmap;
    this.#cells = cells;
    this.legend.classList.toggle("healthy", healthy);
    this.#lungs = lungs;
    this.canvas.setAttribute("aria-label", label || t("viewer.empty"));
    this.redraw();
  }

  /** The values of the film that is shown, see depth.js; null as long as there is only its picture. */
  get depth() {
    return this.#depth;
  }

  setDepth(depth) {
    this.#depth = depth;
    this.redraw();
  }

  /** The depth of the film, also of one that has only its picture; null without a film. */
  depthOrPicture() {
    if (!this.#depth && this.#film) this.#depth = Depth.ofPicture(this.#film);
    return this.#depth;
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
    if (!view.magnifier || !this.#film) this.lens.remove();
    this.hint.hidden = view.tool !== "ratio" || !this.#film || !this.withHeatmap;
    this.#say(sentenceOf(view.points, this.#facts));
    const depth = view.voi === "0" ? this.#depth : this.depthOrPicture();
    if (depth) view.setLimits(depth.limits(view.voi));
    this.onscale?.();
    this.corner.textContent = this.#film ? (overlaid ? this.heatmapCaption : this.caption) : "";
    if (!this.#film || !this.element.clientWidth) return;
    const { scale, left, top, columns, rows } = this.#placement();
    const box = [left, top, columns * scale, rows * scale].map((value) => value * ratio);
    this.#paint(context, box, overlaid);
    scaleBar(this.ruler, this.#perMillimetre);
    drawMeasure(context, { view, box, ratio, facts: this.#facts });
    drawRatio(context, { points: view.points, box, ratio });
    if (view.magnifier) this.#magnify(box, ratio, overlaid);
  }

  /** Paints film, heatmap and lungs into a box of a canvas. */
  #paint(context, box, overlaid) {
    const { view } = this;
    context.imageSmoothingQuality = "high";
    // By its values only where the picture with 8 bits differs: at first both are the same.
    const byValues = this.#depth && !view.isGreyAsOpened;
    context.drawImage(byValues ? this.#depth.draw(view) : this.#film, ...box);
    if (!byValues) this.#applyGreyWindow(context, box);
    if (overlaid) {
      context.globalAlpha = view.opacity;
      context.drawImage(view.cells ? (this.#cells ?? this.#heatmap) : this.#heatmap, ...box);
      context.globalAlpha = 1;
    }
    if (this.withHeatmap && view.lungs && this.#lungs) context.drawImage(this.#lungs, ...box);
  }

  /** Shows a place of the film larger, in a round lens over it; panes side by side show the same place. */
  #magnify([left, top, width, height], ratio, overlaid) {
    const { lens, view } = this;
    const [x, y] = [view.magnified[0] * width, view.magnified[1] * height];
    if (!lens.isConnected) this.element.append(lens);
    lens.style.setProperty("left", `${(left + x) / ratio - LENS_PX / 2}px`);
    lens.style.setProperty("top", `${(top + y) / ratio - LENS_PX / 2}px`);
    const side = Math.round(LENS_PX * ratio);
    Object.assign(lens, { width: side, height: side });
    this.#paint(this.lensContext, [side / 2 - x * LENS_ZOOM, side / 2 - y * LENS_ZOOM, width * LENS_ZOOM, height * LENS_ZOOM], overlaid);
  }

  /** Says a sentence of the tools once, so that a screen reader does not repeat it for each frame. */
  #say(sentence) {
    if (this.hint.textContent !== sentence) this.hint.textContent = sentence;
  }

  /** Applies the grey window to the pixels on the screen, which are fewer than those of the film. */
  #applyGreyWindow(context, [left, top, width, height]) {
    const table = this.view.table();
    if (!table) return;
    const { canvas } = context;
    const x = Math.floor(clamp(left, 0, canvas.width));
    const y = Math.floor(clamp(top, 0, canvas.height));
    const right = Math.ceil(clamp(left + width, 0, canvas.width));
    const bottom = Math.ceil(clamp(top + height, 0, canvas.height));
    if (right <= x || bottom <= y) return;
    const pixels = context.getImageData(x, y, right - x, bottom - y);
    const bytes = pixels.data;
    for (let i = 0; i < bytes.length; i += 4) {
      bytes[i] = table[bytes[i]];
      bytes[i + 1] = table[bytes[i + 1]];
      bytes[i + 2] = table[bytes[i + 2]];
    }
    context.putImageData(pixels, x, y);
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
      this.pressed = event;
      this.dragTool = event.button === 0 && !event.shiftKey ? this.view.tool : otherTool(this.view.tool);
    });
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#clicked(event));
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

  /** A click with the ratio's tool marks a point. */
  #clicked(event) {
    const { pressed, view } = this;
    if (view.tool !== "ratio" || !this.#start || event.button !== 0 || !this.#pointers.has(event.pointerId)) return;
    if (Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > CLICK_PX) return;
    view.set({ points: withPoint(view.points, this.#start) });
  }

  #move(event) {
    if (this.view.magnifier && this.#film) this.view.set({ magnified: this.#place(event) });
    const last = this.#pointers.get(event.pointerId);
    if (!last || !this.#film) return;
    if (this.#pointers.size === 2) this.#pinch(last, event);
    else if (this.dragTool === "measure") this.view.set({ measure: { from: this.#start, to: this.#place(event) } });
    else this.drag(this.dragTool === "ratio" ? "pan" : this.dragTool, event.clientX - last.clientX, event.clientY - last.clientY);
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
