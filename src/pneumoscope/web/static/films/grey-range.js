// The range of a film that has no window, without what is burnt in: the same as
// pneumoscope/images/grey_range.py, which says where the numbers come from.

const OUTLIERS = 1e-4;
const LEAST_BURNT_IN = 2e-4;
const MOST_BURNT_IN = 0.03;
const LEAST_GAP = 0.25;
const MOST_BETWEEN = 0.5;
const BINS = 256;
const SPARSE = 3e-4;

/** The first index whose value is at least (or above) a limit in ascending values; their number if there is none. */
const firstAtLeast = (values, limit) => search(values, (value) => value >= limit);
const firstAbove = (values, limit) => search(values, (value) => value > limit);

function search(values, reached) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(values[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

function cumulated(values) {
  const sums = new Float64Array(values.length);
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sums[i] = sum += values[i];
  return sums;
}

/** First and last index of the values that a film uses; `counts` has how often each occurs. */
export function greyRange(counts) {
  const below = cumulated(counts);
  const total = below.at(-1);
  const skip = Math.trunc(OUTLIERS * total);
  let first = firstAbove(below, skip);
  let last = firstAtLeast(below, total - skip);
  const most = Math.trunc(MOST_BURNT_IN * total);
  const innerFirst = firstAbove(below, most);
  const innerLast = firstAtLeast(below, total - most);
  let ends = [];
  // A white marker may hide how far a black one lies from the film.
  while (ends[0] !== first || ends[1] !== last) {
    ends = [first, last];
    const tail = LEAST_GAP * (last - first);
    if (last - innerLast > tail) last = first + endOfFilm(counts.subarray(first, last + 1), innerLast - first, total);
    if (innerFirst - first > tail) first = last - endOfFilm(counts.slice(first, last + 1).reverse(), last - innerFirst, total);
  }
  return [first, last];
}

/** The index of the last value of the film, before the gap that separates what is burnt in. */
function endOfFilm(counts, inner, total) {
  const bins = Math.min(BINS, counts.length);
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? counts.length : Math.trunc(i * (counts.length / bins))));
  const mass = edges.slice(0, -1).map((edge, i) => counts.subarray(edge, edges[i + 1]).reduce((sum, count) => sum + count, 0));
  const width = Math.max(2, Math.ceil(LEAST_GAP * bins));
  const until = [0, ...cumulated(mass)];
  const dense = [0, ...cumulated(mass.map((value) => (value > SPARSE * total ? 1 : 0)))];
  for (let at = firstAbove(edges, inner); at < bins - width; at += 1) {
    const behind = until.at(-1) - until[at + width];
    const between = until[at + width] - until[at];
    const empty = dense[at + width] === dense[at] && between <= MOST_BETWEEN * behind;
    if (empty && behind >= LEAST_BURNT_IN * total) {
      for (let i = edges[at] - 1; i >= 0; i -= 1) if (counts[i]) return i;
      return counts.length - 1;
    }
  }
  return counts.length - 1;
}
