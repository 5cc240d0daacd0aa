// Exif orientations (Exif 2.32, 4.6.4 A): 1 upright, 2 mirrored, 3 upside down, 4 flipped, 5 to 8 on its side.

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
