// Parts of uncompressed pixels that were erased: the same as pneumoscope/images/erased.py.

import { unreadable } from "./problems.js";

const LEAST_PIXELS = 4;
const JUMP = 4;
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
  const run = erasedRun(stored, columns);
  if (run === null) return null;
  if (run.last < Math.floor(stored.length / columns)) throw unreadable("a part of its pixels is blank");
  return run.last - run.first;
}

/** The first row of which a part is erased, and the first one behind the run of which a part is not, or null. */
function erasedRun(stored, columns) {
  const rows = Math.floor(stored.length / columns);
  if (rows < 3 || columns < 2 * LEAST_PIXELS) return null;
  const greatest = stored instanceof Float32Array ? 1 : 2 ** (8 * stored.BYTES_PER_ELEMENT) - 1;
  const rowOf = (row) => stored.subarray(row * columns, (row + 1) * columns);
  const rowsOf = (from, to) => Array.from({ length: to - from }, (_, i) => rowOf(from + i));
  for (const blank of [0, greatest]) {
    for (const [first, last] of blankRows(rowOf, rows, blank)) {
      const before = rowsOf(Math.max(first - ROWS, 0), first);
      // Behind the run everything is as before it, from the other end.
      const behind = () => rowsOf(last, Math.min(last + ROWS, rows)).reverse().map((row) => row.slice().reverse());
      // A border above makes one below likely; it may slant by less than a row.
      const isEnd = last === rows && !isWholly(rowOf(0), blank);
      if (isCut(before, blank) && (isEnd || isCut(behind(), blank))) return { first: first - 1, last };
    }
  }
  return null;
}

/** Runs of wholly blank rows that a probed row is in: the first, and the one behind the last. */
function* blankRows(rowOf, rows, blank) {
  const columns = rowOf(0).length;
  const probes = [Math.floor(columns / 2), Math.floor(columns / 4), columns - 1 - Math.floor(columns / 4)];
  const isBlank = (row) => probes.every((column) => row[column] === blank) && isWholly(row, blank);
  for (let probed = 0; probed < rows; probed += STEP) {
    if (!isBlank(rowOf(probed))) continue;
    let [first, last] = [probed, probed + 1];
    while (first > 0 && isBlank(rowOf(first - 1))) first -= 1;
    while (last < rows && isBlank(rowOf(last))) last += 1;
    yield [first, last];
    while (probed + STEP < last) probed += STEP;
  }
}

/** Whether all values are the same; a loop, because `every` takes four times as long. */
function isWholly(row, value) {
  for (let i = 0; i < row.length; i += 1) if (row[i] !== value) return false;
  return true;
}

/** Whether the last of some rows stops within the film, where those above it go on. */
function isCut(rows, blank) {
  if (rows.length < 3 || rows.at(-1).at(-1) !== blank) return false; // a run goes on to the end of its row
  const columns = [...rows[0].keys()].filter((column) => rows.slice(0, -1).every((row) => row[column] !== blank));
  if (!columns.length || columns.length < MOST_SLANTED * rows[0].filter((value) => value !== blank).length) return false;
  const [above, before, cut] = rows.slice(-3).map((row) => columns.map((column) => row[column]));
  const kept = cut.findLastIndex((value) => value !== blank) + 1;
  if (kept < LEAST_PIXELS || kept > columns.length - LEAST_PIXELS) return false;
  if (cut.slice(0, kept).filter((value) => value === blank).length > MOST_BLANK * kept) return false;
  const last = columns.map((_, i) => (i < kept ? cut[i] : before[i]));
  return isJump(last, columns.map((_, i) => (i < kept ? before[i] : above[i])), blank);
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
