// Where the lungs and the body are on a film, and where the heat of a verdict lies: the same as
// pneumoscope/decision/lung_regions.py, lung_zones.py, and body.py.

const GRID = 64;
const BODY_GRID = 32;
const FLAT = 8;
const ZONES = ["upper zone", "middle zone", "lower zone"];
const SIDES = ["right", "left"];
const NAMED = 0.5;
const SMALLEST = 0.2;
const GAP = 0.8;

/** @typedef {{data: ArrayLike<number>, rows: number, columns: number}} Cells */

/** Weights that enlarge a line of cells bilinearly; beyond the outer centres it is constant. */
function weightsOf(cells, size) {
  return Array.from({ length: size }, (_, i) => {
    const at = Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / size - 0.5));
    const low = Math.min(Math.floor(at), Math.max(0, cells - 2));
    return [low, Math.min(cells - 1, low + 1), at - low];
  });
}

/** @returns {Cells}  A map of cells, resized bilinearly. */
export function resized({ data, rows, columns }, wantedRows = GRID, wantedColumns = GRID) {
  const down = weightsOf(rows, wantedRows);
  const along = weightsOf(columns, wantedColumns);
  const result = new Float64Array(wantedRows * wantedColumns);
  down.forEach(([top, bottom, y], i) => {
    along.forEach(([left, right, x], j) => {
      const upper = data[top * columns + left] * (1 - x) + data[top * columns + right] * x;
      const lower = data[bottom * columns + left] * (1 - x) + data[bottom * columns + right] * x;
      result[i * wantedColumns + j] = upper * (1 - y) + lower * y;
    });
  });
  return { data: result, rows: wantedRows, columns: wantedColumns };
}

/** The lungs on a grid: true where the resized field is above 0.5. */
export function lungGrid(field) {
  const grid = resized(field);
  return { ...grid, data: Array.from(grid.data, (value) => value > 0.5) };
}

/** Where the body is on a film of size x size: neither in a drawn frame nor connected to the border by darkness. */
export function body(film, size) {
  const factor = Math.max(1, Math.floor(size / BODY_GRID));
  const side = Math.ceil(size / factor);
  const grey = averages(film, size, factor, side);
  const bright = [...grey].sort((a, b) => a - b)[Math.floor((9 * grey.length) / 10)];
  const outside = grey.map((value) => value < Math.max(12, 0.18 * bright));
  const at = { rows: (i, j) => i * side + j, columns: (i, j) => j * side + i };
  for (const place of Object.values(at)) {
    const lines = Array.from({ length: side }, (_, i) => Array.from({ length: side }, (__, j) => grey[place(i, j)]));
    const [first, last] = [frame(lines), frame([...lines].reverse())];
    if (first >= side) continue;
    for (let i = 0; i < side; i += 1) if (i < first || i >= side - last) for (let j = 0; j < side; j += 1) outside[place(i, j)] = true;
  }
  const reached = new Array(grey.length).fill(false);
  for (const place of Object.values(at)) {
    for (let j = 0; j < side; j += 1) {
      for (let i = 0; i < side && outside[place(i, j)]; i += 1) reached[place(i, j)] = true;
      for (let i = side - 1; i >= 0 && outside[place(i, j)]; i -= 1) reached[place(i, j)] = true;
    }
  }
  return { data: reached.map((value) => !value), rows: side, columns: side };
}

/** Averages of squares of pixels, as `Image.reduce` of Pillow. */
function averages(film, size, factor, side) {
  return Array.from({ length: side * side }, (_, k) => {
    const [top, left] = [Math.floor(k / side) * factor, (k % side) * factor];
    let [sum, count] = [0, 0];
    for (let row = top; row < Math.min(size, top + factor); row += 1) {
      for (let column = left; column < Math.min(size, left + factor); column += 1, count += 1) sum += film[row * size + column];
    }
    return Math.floor(sum / count + 0.5);
  });
}

/** How many lines from the first on belong to a drawn frame, with the mixed line after it. */
function frame(lines) {
  const end = lines.findIndex((line) => Math.max(...line) - Math.min(...line) > FLAT);
  const flat = end < 0 ? lines.length : end;
  return flat ? flat + 1 : 0;
}

/** The zones with the most heat, the hottest first: [{name, share}]. */
export function zonesOf(heatmap, field, sides) {
  const lungs = lungGrid(field);
  const heat = resized(heatmap).data;
  const total = heat.reduce((sum, value) => sum + value, 0);
  if (!(total > 0) || !lungs.data.includes(true)) return [];
  const cut = between(lungs);
  const shares = new Map();
  const halves = cut === null ? [["", () => true]] : [[SIDES[0], (j) => j < cut], [SIDES[1], (j) => j >= cut]];
  for (const [side, belongs] of halves) {
    thirds(lungs, belongs).forEach((cells, i) => {
      const name = sides && cut !== null ? `${side} ${ZONES[i]}` : ZONES[i];
      shares.set(name, (shares.get(name) ?? 0) + cells.reduce((sum, cell) => sum + heat[cell], 0) / total);
    });
  }
  const hottest = Math.max(...shares.values());
  if (!(hottest > 0)) return [];
  const named = [...shares].filter(([, share]) => share >= NAMED * hottest).map(([name, share]) => ({ name, share }));
  return named.sort((a, b) => b.share - a.share);
}

/** The first column of the lung on the right of the picture; null if there are not two lungs. */
function between({ data, rows, columns }) {
  const heights = Array.from({ length: columns }, (_, j) => {
    let count = 0;
    for (let i = 0; i < rows; i += 1) if (data[i * columns + j]) count += 1;
    return count;
  });
  const total = heights.reduce((sum, height) => sum + height, 0);
  if (!total) return null;
  let sum = 0;
  const inner = [];
  heights.forEach((height, j) => {
    sum += height;
    if (sum >= SMALLEST * total && sum <= (1 - SMALLEST) * total) inner.push(j);
  });
  if (!inner.length) return null;
  const least = Math.min(...inner.map((j) => heights[j]));
  const lowest = inner.filter((j) => heights[j] === least);
  const cut = lowest[Math.floor(lowest.length / 2)];
  const lower = Math.min(Math.max(0, ...heights.slice(0, cut)), Math.max(0, ...heights.slice(cut + 1)));
  return heights[cut] <= GAP * lower ? cut : null;
}

/** Cells of the upper, middle and lower third of a lung's height. */
function thirds({ data, rows, columns }, belongs) {
  const inLung = (i, j) => data[i * columns + j] && belongs(j);
  const used = Array.from({ length: rows }, (_, i) => i).filter((i) => Array.from({ length: columns }, (_, j) => j).some((j) => inLung(i, j)));
  const [first, last] = [used[0], used.at(-1) + 1];
  return ZONES.map((_, third) => {
    const [above, below] = [third, third + 1].map((k) => (k === ZONES.length ? last : first + (k * (last - first)) / ZONES.length));
    const cells = [];
    for (let i = 0; i < rows; i += 1) {
      if (i + 0.5 < above || i + 0.5 >= below) continue;
      for (let j = 0; j < columns; j += 1) if (inLung(i, j)) cells.push(i * columns + j);
    }
    return cells;
  });
}
