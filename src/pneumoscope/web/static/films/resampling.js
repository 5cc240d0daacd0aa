// From a film to what the network sees of it: the same as pneumoscope/images/resampling.py, whose filters
// are those of Pillow. Results are equal to Pillow's bit by bit.

const PRECISION_BITS = 22; // Pillow, Resample.c: 32 - 8 - 2
const ROUNDING = 1 << (PRECISION_BITS - 1);

/**
 * What the network sees of a film.
 *
 * @param {{levels: Uint8Array, rows: number, columns: number}} film
 * @param {{size: number, source_size: number, resize?: string}} bundle
 * @returns {Uint8Array}  size x size
 */
export function modelInput(film, { size, source_size: sourceSize, resize = "antialias" }) {
  const source = resample(film.levels, film.rows, film.columns, sourceSize, sourceSize, resize);
  return resample(source, sourceSize, sourceSize, size, size);
}

/**
 * Resizes a film.
 *
 * @param {Uint8Array} levels  rows x columns
 * @param {"antialias"|"bilinear"|"nearest"} resize  As `resample` in Python.
 */
export function resample(levels, rows, columns, wantedRows, wantedColumns, resize = "antialias") {
  if (rows === wantedRows && columns === wantedColumns) return levels;
  if (resize === "bilinear") return interpolated(levels, rows, columns, wantedRows, wantedColumns);
  if (resize === "nearest") return nearest(levels, rows, columns, wantedRows, wantedColumns);
  const across = columns === wantedColumns ? levels : horizontal(levels, rows, columns, wantedColumns);
  return rows === wantedRows ? across : vertical(across, rows, wantedColumns, wantedRows);
}

/** For each wanted pixel its first source pixel, and the fixed-point weights from there on. */
function coefficients(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const width = 2 * Math.ceil(support) + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * width);
  const exact = new Float64Array(width);
  for (let i = 0; i < to; i += 1) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let j = 0; j < count; j += 1) {
      exact[j] = Math.max(0, 1 - Math.abs((j + start - center + 0.5) / support));
      sum += exact[j];
    }
    for (let j = 0; j < count; j += 1) weights[i * width + j] = Math.trunc(0.5 + (exact[j] / sum) * 2 ** PRECISION_BITS);
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, weights, width };
}

const clipped = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);

function horizontal(levels, rows, columns, wanted) {
  const { starts, counts, weights, width } = coefficients(columns, wanted);
  const result = new Uint8Array(rows * wanted);
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < wanted; i += 1) {
      const from = row * columns + starts[i];
      let sum = ROUNDING;
      for (let j = 0; j < counts[i]; j += 1) sum += levels[from + j] * weights[i * width + j];
      result[row * wanted + i] = clipped(sum >> PRECISION_BITS);
    }
  }
  return result;
}

function vertical(levels, rows, columns, wanted) {
  const { starts, counts, weights, width } = coefficients(rows, wanted);
  const result = new Uint8Array(wanted * columns);
  const sums = new Int32Array(columns);
  for (let i = 0; i < wanted; i += 1) {
    sums.fill(ROUNDING);
    for (let j = 0; j < counts[i]; j += 1) {
      const from = (starts[i] + j) * columns;
      const weight = weights[i * width + j];
      for (let column = 0; column < columns; column += 1) sums[column] += levels[from + column] * weight;
    }
    for (let column = 0; column < columns; column += 1) result[i * columns + column] = clipped(sums[column] >> PRECISION_BITS);
  }
  return result;
}

/** Between the four nearest pixels, without antialiasing. */
function interpolated(levels, rows, columns, wantedRows, wantedColumns) {
  const result = new Uint8Array(wantedRows * wantedColumns);
  const place = (i, from, to) => {
    const at = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(at);
    const inside = (j) => Math.min(from - 1, Math.max(0, j));
    return [inside(low), inside(low + 1), at - low];
  };
  for (let i = 0; i < wantedRows; i += 1) {
    const [top, bottom, down] = place(i, rows, wantedRows);
    for (let j = 0; j < wantedColumns; j += 1) {
      const [left, right, along] = place(j, columns, wantedColumns);
      const upper = levels[top * columns + left] * (1 - along) + levels[top * columns + right] * along;
      const lower = levels[bottom * columns + left] * (1 - along) + levels[bottom * columns + right] * along;
      result[i * wantedColumns + j] = halfToEven(upper * (1 - down) + lower * down);
    }
  }
  return result;
}

function nearest(levels, rows, columns, wantedRows, wantedColumns) {
  const down = nearestPlaces(rows, wantedRows);
  const along = nearestPlaces(columns, wantedColumns);
  const result = new Uint8Array(wantedRows * wantedColumns);
  down.forEach((row, i) => along.forEach((column, j) => (result[i * wantedColumns + j] = levels[row * columns + column])));
  return result;
}

/** The nearest pixel of each wanted one; Pillow adds up the steps (`ImagingScaleAffine`), with their rounding. */
function nearestPlaces(from, to) {
  const step = from / to;
  let at = step * 0.5;
  return Array.from({ length: to }, () => {
    const place = Math.min(from - 1, Math.floor(at));
    at += step;
    return place;
  });
}

/** `numpy.rint`. */
export function halfToEven(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 ? low + 1 : low;
}

/** A grey of [0, 1] as one of 256 levels, in the arithmetic of `model_input`. */
export function level(grey) {
  const kept = Math.fround(Math.min(1, Math.max(0, grey)));
  return Math.trunc(Math.fround(Math.fround(kept * 255) + 0.5));
}

/** Rows and columns of a picture whose longer side is at most `side`, see `shown_size` in pneumoscope/jobs. */
export function shownSize(rows, columns, side) {
  const scale = Math.min(1, side / Math.max(rows, columns));
  return { rows: Math.max(1, halfToEven(rows * scale)), columns: Math.max(1, halfToEven(columns * scale)) };
}
