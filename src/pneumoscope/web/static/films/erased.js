// Parts of uncompressed pixels that were erased: the same as pneumoscope/images/erased.py.

import { unreadable } from "./problems.js";

const LEAST_PIXELS = 4;
const JUMP = 4;
const LEAST_SHARE = 0.1;
const STEP = 8;
const ROWS = 16;
const MOST_SLANTED = 0.98;
const MOST_BLANK = 0.02;

/**
 * How many rows at the end were erased, counting the one of which a part was; null if none was.
 *
 * @param {Uint8Array|Uint16Array|Uint32Array|Float32Array} stored  In the order in which the file has them.
 * @param {number} columns  Pixels of a row; samples of colour count as columns.
 */
export function missingRowsOf(stored, columns) {
  const run = erasedRows(stored, columns);
  if (run === null) return null;
  if (run.last < Math.floor(stored.length / columns)) throw unreadable("a part of its pixels is blank");
  return run.last - run.first;
}

/** The first row of which a part is erased, and the first one behind the run of which a part is not, or null. */
function erasedRows(stored, columns) {
  const rows = Math.floor(stored.length / columns);
  if (rows < 3 || columns < 2 * LEAST_PIXELS) return null;
  const greatest = stored instanceof Float32Array ? 1 : 2 ** (8 * stored.BYTES_PER_ELEMENT) - 1;
  const probes = [Math.floor(columns / 4), Math.floor(columns / 2), columns - 1 - Math.floor(columns / 4)];
  const rowOf = (row) => stored.subarray(row * columns, (row + 1) * columns);
  const rowsOf = (from, to) => Array.from({ length: to - from }, (_, i) => rowOf(from + i));
  for (const blank of [0, greatest]) {
    const isProbed = (row) => probes.every((column) => stored[row * columns + column] === blank);
    const isWhole = (row) => rowOf(row).every((value) => value === blank);
    for (let from = 0, to = 0; from < rows; from = to + 1) {
      for (to = from; to < rows && isProbed(to); ) to += 1;
      let [first, last] = [from, to];
      while (first < last && !isWhole(first)) first += 1;
      while (first < last && !isWhole(last - 1)) last -= 1;
      if (Math.ceil(first / STEP) * STEP >= last) continue;
      const isLong = last - first >= LEAST_SHARE * rows;
      const before = rowsOf(Math.max(first - ROWS, 0), first);
      // Behind the run everything is as before it, from the other end.
      const behind = () => rowsOf(last, Math.min(last + ROWS, rows)).reverse().map((row) => row.slice().reverse());
      if (breaksOff(before, blank, isLong) && (last === rows || breaksOff(behind(), blank, isLong))) {
        return { first: first - (before.at(-1).at(-1) === blank ? 1 : 0), last };
      }
    }
  }
  return null;
}

/** Whether a run begins behind some rows that the film does not end with. */
const breaksOff = (rows, blank, isLong) => rows.length > 2 && (isCut(rows, blank) || (isLong && ends(rows, blank)));

/** Whether the last of some rows stops within the film, where those above it go on. */
function isCut(rows, blank) {
  const columns = [...rows[0].keys()].filter((column) => rows.slice(0, -1).every((row) => row[column] !== blank));
  if (columns.length < MOST_SLANTED * rows[0].filter((value) => value !== blank).length) return false;
  const [above, before, cut] = rows.slice(-3).map((row) => columns.map((column) => row[column]));
  const kept = cut.findLastIndex((value) => value !== blank) + 1;
  if (kept < LEAST_PIXELS || kept > columns.length - LEAST_PIXELS) return false;
  if (cut.slice(0, kept).filter((value) => value === blank).length > MOST_BLANK * kept) return false;
  const last = columns.map((_, i) => (i < kept ? cut[i] : before[i]));
  return isJump(last, columns.map((_, i) => (i < kept ? before[i] : above[i])), blank);
}

/** Whether a film that has the whole width ends all at once behind some rows. */
function ends(rows, blank) {
  const width = rows[0].length;
  const whole = rows[0].filter((_, column) => rows.every((row) => row[column] !== blank)).length;
  return whole >= MOST_SLANTED * width && isJump([...rows.at(-1)], rows.at(-2), blank);
}

/** Whether the step from the film's last pixels to the run is larger than the usual one between its rows. */
function isJump(last, before, blank) {
  return median(last.map((value) => Math.abs(value - blank))) > JUMP * median(last.map((value, i) => Math.abs(value - before[i])));
}

function median(values) {
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
