// Exif orientations (Exif 2.32, 4.6.4 A): 1 upright, 2 mirrored, 3 upside down, 4 flipped, 5 to 8 on its side.

import { Bytes } from "./bytes.js";

const [APP1, SOS, ORIENTATION] = [0xe1, 0xda, 0x0112];

/** The orientation that a JPEG states, 1 to 8; 1 if it states none. */
export function orientationOf(data) {
  const bytes = new Bytes(data);
  for (let at = 2; at + 4 < bytes.length && data[at] === 0xff && data[at + 1] !== SOS; at += 2 + bytes.number(at + 2, 2)) {
    if (data[at + 1] === APP1 && bytes.startsWith("Exif\0\0", at + 4)) return orientationInExif(new Bytes(bytes.part(at + 10, at + 2 + bytes.number(at + 2, 2))));
  }
  return 1;
}

/** The orientation that Exif data states, which begins as a TIFF does. */
export function orientationInExif(tiff) {
  const little = tiff.startsWith("II");
  const start = tiff.number(4, 4, little);
  for (let i = 0; i < tiff.number(start, 2, little); i += 1) {
    const at = start + 2 + 12 * i;
    if (tiff.number(at, 2, little) !== ORIENTATION) continue;
    const value = tiff.number(at + 8, 2, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Undoes an orientation: {levels, rows, columns, facts}, of which the facts have the size of the stored film. */
export function upright(film, orientation) {
  if (orientation < 2 || orientation > 8) return film;
  const turned = orientation >= 5;
  const [rows, columns] = turned ? [film.columns, film.rows] : [film.rows, film.columns];
  const fromBelow = [3, 4, 7, 8].includes(orientation);
  const fromRight = [2, 3, 6, 7].includes(orientation);
  const levels = new Uint8Array(rows * columns);
  for (let row = 0, to = 0; row < rows; row += 1) {
    const i = fromBelow ? rows - 1 - row : row;
    for (let column = 0; column < columns; column += 1, to += 1) {
      const j = fromRight ? columns - 1 - column : column;
      levels[to] = turned ? film.levels[j * film.columns + i] : film.levels[i * film.columns + j];
    }
  }
  const { facts } = film;
  const size = turned ? { rows: facts.columns, columns: facts.rows } : {};
  return { levels, rows, columns, facts: { ...facts, ...size } };
}
