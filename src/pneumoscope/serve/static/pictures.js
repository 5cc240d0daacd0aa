// Pictures from the server, a few of them kept, and previews of the reader's own files.

const KEPT = 24;
const cache = new Map();

/** An image of the same origin as a Promise; rejects if it is not to be had. */
export function picture(address) {
  let found = cache.get(address);
  if (!found) {
    const image = new Image();
    image.src = address;
    found = image.decode().then(() => image);
    found.catch(() => cache.delete(address));
  }
  // The last used stands last, the first one goes.
  cache.delete(address);
  cache.set(address, found);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value);
  return found;
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
