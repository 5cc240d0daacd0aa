// What a film may cost: the same limits as pneumoscope/images/limits.py, checked on headers.

import { FilmError, notOneFilm, unreadable } from "./problems.js";

export const MAX_BYTES = 256 * 2 ** 20;
const MAX_PIXELS = 100_000_000;
const MIN_SIDE_PX = 64;

/** `f"{count:,}"`. */
export const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** Refuses a film by the size that its header claims. */
export function checkSize(rows, columns, frames = 1) {
  if (rows < 1 || columns < 1) throw unreadable(`its header claims ${columns} x ${rows} pixels`);
  if (rows * columns * frames > MAX_PIXELS) {
    const many = frames > 1 ? ` x ${frames} frames` : "";
    throw new FilmError("TooLarge", { what: `${columns} x ${rows}${many} pixels`, limit: `${grouped(MAX_PIXELS)} pixels` });
  }
  if (frames > 1) throw notOneFilm(`${frames} frames`);
  if (Math.min(rows, columns) < MIN_SIDE_PX) throw new FilmError("TooSmall", { rows, columns, least: MIN_SIDE_PX });
}
