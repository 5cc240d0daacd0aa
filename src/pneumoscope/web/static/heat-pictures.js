// Pictures of heatmaps and of the lungs' outline: the same as pneumoscope/render/heatmap.py. For workers.

const OPACITY = 0.55;
const HEALTHY = [64, 176, 196];
const OUTLINE = [125, 211, 252];
const OUTLINE_WIDTH = 1 / 320;
// Polynomial fit of the Turbo colour map by A. Mikhailov and M. Roberts (Google, Apache-2.0).
const TURBO = [
  [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
  [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
  [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
];
const COLOURS = Array.from({ length: 256 }, (_, i) =>
  TURBO.map((powers) => Math.min(255, Math.max(0, Math.round(255 * powers.reduceRight((sum, factor) => (sum * i) / 255 + factor, 0))))),
);

/** @typedef {{data: Float32Array, rows: number, columns: number}} Cells */

/** Weights of Pillow's bicubic filter that enlarge a line: for each pixel its first cell, and its weights. */
function bicubic(cells, size) {
  const curve = (x) => {
    const d = Math.abs(x);
    if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
    return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
  };
  const scale = cells / size;
  const support = 2 * Math.max(1, scale);
  return Array.from({ length: size }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const last = Math.min(cells, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: last - first }, (__, j) => curve((j + first - center + 0.5) / Math.max(1, scale)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return [first, weights.map((weight) => weight / sum)];
  });
}

/** A map of cells at the size of a film. */
function enlarged({ data, rows, columns }, height, width) {
  const across = new Float32Array(rows * width);
  bicubic(columns, width).forEach(([first, weights], j) => {
    for (let i = 0; i < rows; i += 1) {
      let sum = 0;
      for (let k = 0; k < weights.length; k += 1) sum += weights[k] * data[i * columns + first + k];
      across[i * width + j] = sum;
    }
  });
  const result = new Float32Array(height * width);
  bicubic(rows, height).forEach(([first, weights], i) => {
    for (let k = 0; k < weights.length; k += 1) {
      const [weight, from] = [weights[k], (first + k) * width];
      for (let j = 0; j < width; j += 1) result[i * width + j] += weight * across[from + j];
    }
  });
  return result;
}

/** Heat in [0, 1] at the size of a film; without `smooth`, each cell is a rectangle of one value. */
function heatOf({ data, rows, columns }, height, width, smooth) {
  const peak = data.reduce((most, value) => Math.max(most, value), 0) || 1;
  const cells = { data: data.map((value) => value / peak), rows, columns };
  if (smooth) return enlarged(cells, height, width).map((value) => Math.min(1, Math.max(0, value)));
  const row = (i) => Math.floor(((Math.floor(i / width) + 0.5) * rows) / height);
  const column = (i) => Math.floor((((i % width) + 0.5) * columns) / width);
  return Float32Array.from({ length: height * width }, (_, i) => cells.data[row(i) * columns + column(i)]);
}

/** From 0.35 to 0.85 of the peak the colour fades in. */
const fadeOf = (heat, healthy) => Math.min(1, Math.max(0, (heat - 0.35) / 0.5)) / (healthy ? 2 : 1);
const hueOf = (heat, healthy) => (healthy ? HEALTHY : COLOURS[Math.round(heat * 255)]);

/** The colours of a heatmap alone, transparent where it is cold; half as opaque if it is that of NORMAL. */
export function heatImage(cells, { rows, columns }, { healthy, smooth }) {
  const heat = heatOf(cells, rows, columns, smooth);
  const image = new ImageData(columns, rows);
  for (let i = 0, at = 0; i < heat.length; i += 1, at += 4) {
    const [red, green, blue] = hueOf(heat[i], healthy);
    image.data[at] = red;
    image.data[at + 1] = green;
    image.data[at + 2] = blue;
    image.data[at + 3] = Math.round(255 * fadeOf(heat[i], healthy));
  }
  return image;
}

/** The outline of the lungs alone, where their field is 0.5. */
export function outlineImage(field, { rows, columns }) {
  const opacity = outlineOpacity(field, rows, columns);
  const image = new ImageData(columns, rows);
  for (let i = 0, at = 0; i < opacity.length; i += 1, at += 4) {
    image.data.set(OUTLINE, at);
    image.data[at + 3] = Math.round(255 * opacity[i]);
  }
  return image;
}

function outlineOpacity(field, rows, columns) {
  const smooth = enlarged(field, rows, columns);
  const half = Math.max(1.5, OUTLINE_WIDTH * Math.max(rows, columns)) / 2;
  // As numpy.gradient: central differences, one-sided at the borders.
  const slope = (at, i, count, step) => {
    const [before, after] = [i > 0 ? step : 0, i < count - 1 ? step : 0];
    return before + after ? (smooth[at + after] - smooth[at - before]) / ((before + after) / step) : 0;
  };
  const opacity = new Float32Array(rows * columns);
  for (let i = 0, at = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1, at += 1) {
      const steep = Math.hypot(slope(at, i, rows, columns), slope(at, j, columns, 1));
      opacity[at] = Math.min(1, Math.max(0, half + 0.5 - Math.abs(smooth[at] - 0.5) / Math.max(steep, 1e-6)));
    }
  }
  return opacity;
}

/** The heatmap over its film, and the outline of the lungs if they are known. */
export function overlayImage(levels, { rows, columns }, { heatmap, lungs, healthy }) {
  const heat = heatOf(heatmap, rows, columns, true);
  const outline = lungs ? outlineOpacity(lungs, rows, columns) : null;
  const image = new ImageData(columns, rows);
  for (let i = 0, at = 0; i < heat.length; i += 1, at += 4) {
    const alpha = OPACITY * fadeOf(heat[i], healthy);
    const hue = hueOf(heat[i], healthy);
    for (let k = 0; k < 3; k += 1) {
      const mixed = Math.round((1 - alpha) * levels[i] + alpha * hue[k]);
      image.data[at + k] = outline ? Math.round((1 - outline[i]) * mixed + outline[i] * OUTLINE[k]) : mixed;
    }
    image.data[at + 3] = 255;
  }
  return image;
}
