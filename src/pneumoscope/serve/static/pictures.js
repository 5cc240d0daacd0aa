// Pictures from the back end, a few of them kept, and previews of the reader's own files.

const KEPT = 24;

export class Pictures {
  #kept = new Map(); // promises, the least recently used first

  constructor(backend) {
    this.backend = backend;
  }

  /** The "film", "heatmap" or "thumbnail" of a film, decoded; null if the back end no longer has it. */
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
 * A file as the browser itself can show it, before the server has seen it; null for DICOM, TIFF
 * and whatever else it cannot decode. With a width it is that small. Decoding needs no address, so the policy img-src 'self' holds.
 */
export async function preview(file, widthPx) {
  if (!/^image\/(png|jpeg|webp|bmp)$/.test(file.type)) return null;
  try {
    return await createImageBitmap(file, widthPx ? { resizeWidth: widthPx, resizeQuality: "high" } : {});
  } catch {
    return null;
  }
}

/** Draws a picture into a square canvas, whole, on black. */
export function drawThumbnail(canvas, source) {
  const wide = source.naturalWidth ?? source.width;
  const high = source.naturalHeight ?? source.height;
  const scale = Math.min(canvas.width / wide, canvas.height / high);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(
    source,
    (canvas.width - wide * scale) / 2,
    (canvas.height - high * scale) / 2,
    wide * scale,
    high * scale,
  );
}
