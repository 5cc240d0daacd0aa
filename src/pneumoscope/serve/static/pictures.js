// Pictures from the back end, and previews of the reader's own files.

import { Depth } from "./depth.js";

const KEPT = 24;
const KEPT_DEPTHS = 3; // of 8 MiB and more each

/** Decoded pictures of a back end; the last ones used are kept. */
export class Pictures {
  #kept = new Map(); // promises, the least recently used first
  #depths = new Map(); // likewise

  constructor(backend) {
    this.backend = backend;
  }

  /** The "film", "heatmap", "cells" (of the heatmap), "lungs" or "thumbnail" of a film; null if the back end no longer has it. */
  get(id, kind) {
    return kept(this.#kept, KEPT, `${kind} ${id}`, () => this.backend.picture(id, kind));
  }

  /** The values of a film, see depth.js; null if the back end has none. */
  depth(id) {
    // Where the back end gives no values, this fails like any other picture.
    return kept(this.#depths, KEPT_DEPTHS, id, async () => new Depth(await this.backend.values(id)));
  }
}

/** An entry of a map that keeps the last ones used; null, and not kept, if it cannot be loaded. */
function kept(entries, most, key, load) {
  const known = entries.get(key);
  const entry =
    known ??
    load().catch(() => {
      entries.delete(key);
      return null;
    });
  entries.delete(key);
  entries.set(key, entry);
  if (entries.size > most) entries.delete(entries.keys().next().value);
  return entry;
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
