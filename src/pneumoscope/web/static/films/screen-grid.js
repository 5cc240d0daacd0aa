// The pixel grid of a screen in a photograph of it: the same as pneumoscope/images/screen_grid.py, which says
// where the numbers come from.

const SIDE = 64;
const PLACES = [[2, 2], [1, 1], [3, 3], [1, 3], [3, 1]];
const [PATCHES, PEAK] = [3, 200];
const [SLOWEST, OFF_AXIS] = [8, 2];
const [BLOCK, NEAR] = [8, 1];
const [FALL, MIDDLE] = [3, 16];
const [NOISE, EVERY] = [0.25, 3];

const WIDTH = SIDE / 2 - OFF_AXIS;
const LEAST = NOISE * SIDE ** 2 * MIDDLE ** FALL;
const WINDOW = Float64Array.from({ length: SIDE }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / SIDE) ** 2);
const COSINE = Float64Array.from({ length: SIDE }, (_, i) => Math.cos((2 * Math.PI * i) / SIDE));
const SINE = Float64Array.from({ length: SIDE }, (_, i) => Math.sin((2 * Math.PI * i) / SIDE));
const WEIGHTS = Float64Array.from({ length: SIDE * WIDTH }, (_, i) => weight(Math.floor(i / WIDTH), OFF_AXIS + (i % WIDTH)));
const SAMPLE = [...WEIGHTS.keys()].filter((i) => WEIGHTS[i]).filter((_, i) => i % EVERY === 0);

/** The weight of a frequency, 0 if it is not looked at. */
function weight(row, along) {
  const down = Math.min(row, SIDE - row);
  const squares = down ** 2 + along ** 2;
  const inBlocks = [down, along].every((waves) => (waves + NEAR) % BLOCK <= 2 * NEAR);
  const seen = down >= OFF_AXIS && squares >= SLOWEST ** 2 && squares < (SIDE / 2) ** 2 && !inBlocks;
  return seen ? squares ** (FALL / 2) : 0;
}

/** Whether a picture shows the pixel grid of a screen. */
export function hasScreenGrid(film) {
  if (Math.min(film.rows, film.columns) < SIDE) return false;
  const [middle, ...others] = PLACES;
  const holds = (place) => peak(film, place) > PEAK;
  return holds(middle) && others.filter(holds).length + 1 >= PATCHES;
}

/** The highest weighted power of a patch, divided by the usual one. */
function peak(film, place) {
  const power = powerOf(patchOf(film, place));
  const usual = Float64Array.from(SAMPLE, (i) => power[i]).sort()[Math.floor(SAMPLE.length / 2)];
  return power.reduce((most, value) => Math.max(most, value), 0) / Math.max(usual, LEAST);
}

function patchOf({ levels, rows, columns }, [down, along]) {
  const [top, left] = [Math.floor(((rows - SIDE) * down) / 4), Math.floor(((columns - SIDE) * along) / 4)];
  const patch = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < patch.length; i += 1) patch[i] = levels[(top + Math.floor(i / SIDE)) * columns + left + (i % SIDE)];
  const mean = patch.reduce((sum, value) => sum + value, 0) / patch.length;
  return patch.map((value, i) => (value - mean) * WINDOW[Math.floor(i / SIDE)] * WINDOW[i % SIDE]);
}

/** The weighted power spectrum, as (SIDE, WIDTH). */
function powerOf(patch) {
  const [real, imaginary] = [new Float64Array(SIDE * WIDTH), new Float64Array(SIDE * WIDTH)]; // along each row
  for (let at = 0; at < real.length; at += 1) {
    const [row, waves] = [Math.floor(at / WIDTH) * SIDE, OFF_AXIS + (at % WIDTH)];
    for (let i = 0; i < SIDE; i += 1) {
      const turn = (waves * i) % SIDE;
      real[at] += patch[row + i] * COSINE[turn];
      imaginary[at] -= patch[row + i] * SINE[turn];
    }
  }
  return WEIGHTS.map((weight, at) => {
    if (!weight) return 0;
    const [waves, column] = [Math.floor(at / WIDTH), at % WIDTH];
    let [a, b] = [0, 0];
    for (let i = 0, from = column; i < SIDE; i += 1, from += WIDTH) {
      const turn = (waves * i) % SIDE;
      a += real[from] * COSINE[turn] + imaginary[from] * SINE[turn];
      b += imaginary[from] * COSINE[turn] - real[from] * SINE[turn];
    }
    return weight * (a * a + b * b);
  });
}
