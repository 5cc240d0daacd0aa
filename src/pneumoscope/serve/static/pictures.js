// Pictures from the back end, and previews of the reader's own files.

const KEPT = 24;

/** Decoded pictures of a back end; the last ones used are kept. */
export class Pictures {
  #kept = new Map(); // promises, the least recently used first

  constructor(backend) {
    this.backend = backend;
  }

  /** The "film", "heatmap", "cells" (of the heatmap), "lungs" or "thumbnail" of a film; null if the back end no longer has it. */
  get(id, kind) {
    const key = `${kind} ${id}`;
    const picture = this.#kept.get(key) ?? this.#load(key, id, kind);
    this.#kept.delete(key);
    this.#kept.set(key, picture);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return picture;
  }

  async #load(key, id, kind) {
    try {
      return await this.backend.picture(id, kind);
    } catch {
      this.#kept.delete(key);
      return null;
    }
  }
}

/**
 * A file as the browser itself can decode it, before the back end has read it; null for DICOM, TIFF
 * and other formats. `widthPx` is the width of the picture, by default that of the film. No address is
 * needed, so the content policy img-src 'self' is met.
 */
export async function preview(file, widthPx) {
  if (!/^image\/(png|jpeg|webp|bmp)$/.test(file.type)) return null;
  try {
    return await createImageBitmap(file, widthPx ? { resizeWidth: widthPx, resizeQuality: "high" } : {});
  } catch {
    return null;
  }
}

/** Draws a whole picture into a square canvas. */
export function drawThumbnail(canvas, source) {
  const width = source.naturalWidth ?? source.width;
  const height = source.naturalHeight ?? source.height;
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2, width * scale, height * scale);
}
