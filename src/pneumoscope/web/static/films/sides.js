// Sides of a picture that are one grey: the same as pneumoscope/images/sides.py, which says where the numbers come from.

const [DEPTH, LEAST_PX] = [0.012, 2];
const [SHARE, TOLERANCE] = [0.7, 2];
const [BLACK, WHITE] = [14, 242];

/** Whether a side of a picture is one grey, neither black nor white, and not the whole picture. */
export function hasGreySide({ levels, rows, columns }) {
  const [down, along] = [rows, columns].map((side) => Math.max(LEAST_PX, Math.floor(DEPTH * side)));
  const boxes = [[0, down, 0, columns], [rows - down, rows, 0, columns], [0, rows, 0, along], [0, rows, columns - along, columns]];
  return boxes.some((box) => isOneGrey(levels, columns, box)) && !isOneGrey(levels, columns, [0, rows, 0, columns]);
}

function isOneGrey(levels, columns, [top, bottom, left, right]) {
  const counts = new Uint32Array(256);
  for (let row = top; row < bottom; row += 1) for (let at = row * columns + left; at < row * columns + right; at += 1) counts[levels[at]] += 1;
  const size = (bottom - top) * (right - left);
  let [middle, below] = [-1, 0];
  while (below <= Math.floor((size - 1) / 2)) below += counts[(middle += 1)]; // the lower of the two in the middle
  if (middle < BLACK || middle > WHITE) return false;
  const near = counts.subarray(middle - TOLERANCE, middle + TOLERANCE + 1).reduce((sum, count) => sum + count, 0);
  return near / size >= SHARE;
}
