// The worker that decodes films. A broken film can keep a decoder busy for ever, so the page ends this worker
// after a deadline.

import { bytesOf } from "./films/bytes.js";
import { codecsOf } from "./films/codecs.js";
import { FilmError } from "./films/problems.js";
import { readsPixels } from "./films/raster.js";
import { readFilm } from "./films/read.js";
import { modelInput, resample, shownSize } from "./films/resampling.js";
import { heatImage, outlineImage, overlayImage } from "./heat-pictures.js";
import { keepIn } from "./offline.js";
import { answerCalls, tellReceiving } from "./worker-calls.js";

let options = {};
let last = { key: null, film: null }; // the film that was decoded last, at full size

answerCalls({
  async setup({ cache, codecs, foreign }) {
    keepIn(cache, tellReceiving);
    if (!readsPixels()) throw new FilmError("AlteredPixels");
    options = { codecs: codecsOf(codecs), foreign };
    return { result: true };
  },

  /** What the network sees of a film, and what its file says: {input, facts, sha256}. */
  async decode({ file, key, bundle, atLeast }) {
    const film = await readFilm(file, { ...options, atLeast });
    last = film.facts.reduced_by === 1 ? { key, film } : { key: null, film: null };
    const input = modelInput(film, bundle);
    return { result: { input, facts: film.facts, sha256: await sha256(file) } };
  },

  /** A film in grey, its longer side at most `side`. */
  async picture({ file, key, side }) {
    const { levels, rows, columns } = await shown(file, key, side);
    const image = new ImageData(columns, rows);
    for (let i = 0, at = 0; i < levels.length; i += 1, at += 4) {
      image.data[at] = image.data[at + 1] = image.data[at + 2] = levels[i];
      image.data[at + 3] = 255;
    }
    return bitmap(image);
  },

  /** The colours of a heatmap; `cells` without smoothing. */
  async heat({ heatmap, size, healthy, smooth }) {
    return bitmap(heatImage(heatmap, size, { healthy, smooth }));
  },

  async lungs({ lungs, size }) {
    return bitmap(outlineImage(lungs, size));
  },

  /** The film with its heatmap, as PNG. */
  async overlay({ file, key, side, heatmap, lungs, healthy }) {
    const { levels, rows, columns } = await shown(file, key, side);
    const canvas = new OffscreenCanvas(columns, rows);
    canvas.getContext("2d").putImageData(overlayImage(levels, { rows, columns }, { heatmap, lungs, healthy }), 0, 0);
    return { result: await canvas.convertToBlob({ type: "image/png" }) };
  },
});

async function bitmap(image) {
  const picture = await createImageBitmap(image);
  return { result: picture, transfer: [picture] };
}

/** A film, its longer side at most `side`. */
async function shown(file, key, side) {
  const film = last.key === key ? last.film : await readFilm(file, { ...options, atLeast: null });
  last = { key, film };
  const { rows, columns } = shownSize(film.rows, film.columns, side);
  return { levels: resample(film.levels, film.rows, film.columns, rows, columns), rows, columns };
}

/** SHA-256 of a file in hexadecimal; null at addresses that are not secure. */
async function sha256(file) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await bytesOf(file)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
