// Inverse cosine transforms of JPEG by the integer arithmetic of libjpeg (jidctint.c and jidctred.c), at full size and
// reduced: samples of 8 x 8, 4 x 4, 2 x 2 or 1 x 1 from each block.

const CONST_BITS = 13;

/**
 * Samples of a component.
 *
 * @param {{coefficients: Int16Array, quantization: Uint16Array, stride: number}} component  Blocks of 64 in rows.
 * @param {{rows: number, columns: number, size: 8|4|2|1, bits: number}} wanted  Samples in all, and of a block's side.
 */
export function samplesOf({ coefficients, quantization, stride }, { rows, columns, size, bits }) {
  const result = bits > 8 ? new Uint16Array(rows * columns) : new Uint8Array(rows * columns);
  const transform = { 8: transform8, 4: transform4, 2: transform2, 1: transform1 }[size];
  const scaled = new Int32Array(64);
  const work = new Int32Array(64);
  const samples = new Int32Array(64);
  const pass = bits > 8 ? 1 : 2; // PASS1_BITS
  const [center, most] = [1 << (bits - 1), (1 << bits) - 1];
  for (let top = 0, row = 0; top < rows; top += size, row += 1) {
    for (let left = 0, column = 0; left < columns; left += size, column += 1) {
      const from = 64 * (row * stride + column);
      for (let i = 0; i < 64; i += 1) scaled[i] = coefficients[from + i] * quantization[i];
      transform(scaled, work, samples, pass);
      const height = Math.min(size, rows - top);
      const width = Math.min(size, columns - left);
      for (let i = 0; i < height; i += 1) {
        for (let j = 0; j < width; j += 1) {
          const value = samples[i * size + j] + center;
          result[(top + i) * columns + left + j] = value < 0 ? 0 : value > most ? most : value;
        }
      }
    }
  }
  return result;
}

const descaled = (value, bits) => (value + (1 << (bits - 1))) >> bits;

function transform1(input, work, output) {
  output[0] = descaled(input[0], 3);
}

function transform2(input, work, output, pass) {
  for (let i = 0; i < 8; i += 1) {
    if (i === 2 || i === 4 || i === 6) continue;
    const even = input[i] << (CONST_BITS + 2);
    const odd = -5906 * input[56 + i] + 6967 * input[40 + i] - 10426 * input[24 + i] + 29692 * input[8 + i];
    work[i] = descaled(even + odd, CONST_BITS - pass + 2);
    work[8 + i] = descaled(even - odd, CONST_BITS - pass + 2);
  }
  for (let i = 0; i < 2; i += 1) {
    const at = 8 * i;
    const even = work[at] << (CONST_BITS + 2);
    const odd = -5906 * work[at + 7] + 6967 * work[at + 5] - 10426 * work[at + 3] + 29692 * work[at + 1];
    output[2 * i] = descaled(even + odd, CONST_BITS + pass + 5);
    output[2 * i + 1] = descaled(even - odd, CONST_BITS + pass + 5);
  }
}

function transform4(input, work, output, pass) {
  for (let i = 0; i < 8; i += 1) if (i !== 4) line4(input, i, 8, work, i, 8, CONST_BITS - pass + 1);
  for (let i = 0; i < 4; i += 1) line4(work, 8 * i, 1, output, 4 * i, 1, CONST_BITS + pass + 4);
}

function line4(from, at, step, to, toAt, toStep, bits) {
  const half = 1 << (bits - 1);
  const one = from[at + step];
  const three = from[at + 3 * step];
  const five = from[at + 5 * step];
  const seven = from[at + 7 * step];
  const zero = (from[at] << (CONST_BITS + 1)) + half;
  const even = 15137 * from[at + 2 * step] - 6270 * from[at + 6 * step];
  const inner = -1730 * seven + 11893 * five - 17799 * three + 8697 * one;
  const outer = -4176 * seven - 4926 * five + 7373 * three + 20995 * one;
  to[toAt] = (zero + even + outer) >> bits;
  to[toAt + 3 * toStep] = (zero + even - outer) >> bits;
  to[toAt + toStep] = (zero - even + inner) >> bits;
  to[toAt + 2 * toStep] = (zero - even - inner) >> bits;
}

function transform8(input, work, output, pass) {
  for (let i = 0; i < 8; i += 1) line8(input, i, 8, work, CONST_BITS - pass);
  for (let i = 0; i < 8; i += 1) line8(work, 8 * i, 1, output, CONST_BITS + pass + 3);
}

// Written without destructuring, for speed: it runs 16 times for each block of a film.
function line8(from, at, step, to, bits) {
  const half = 1 << (bits - 1);
  const one = from[at + step];
  const two = from[at + 2 * step];
  const three = from[at + 3 * step];
  const four = from[at + 4 * step];
  const five = from[at + 5 * step];
  const six = from[at + 6 * step];
  const seven = from[at + 7 * step];
  const both = (two + six) * 4433;
  const evenTwo = both - six * 15137;
  const evenThree = both + two * 6270;
  const sum = (from[at] + four) << CONST_BITS;
  const difference = (from[at] - four) << CONST_BITS;
  const a = sum + evenThree + half;
  const d = sum - evenThree + half;
  const b = difference + evenTwo + half;
  const c = difference - evenTwo + half;
  const z5 = (seven + three + five + one) * 9633;
  const z1 = (seven + one) * -7373;
  const z2 = (five + three) * -20995;
  const z3 = (seven + three) * -16069 + z5;
  const z4 = (five + one) * -3196 + z5;
  const odd0 = seven * 2446 + z1 + z3;
  const odd1 = five * 16819 + z2 + z4;
  const odd2 = three * 25172 + z2 + z3;
  const odd3 = one * 12299 + z1 + z4;
  to[at] = (a + odd3) >> bits;
  to[at + 7 * step] = (a - odd3) >> bits;
  to[at + step] = (b + odd2) >> bits;
  to[at + 6 * step] = (b - odd2) >> bits;
  to[at + 2 * step] = (c + odd1) >> bits;
  to[at + 5 * step] = (c - odd1) >> bits;
  to[at + 3 * step] = (d + odd0) >> bits;
  to[at + 4 * step] = (d - odd0) >> bits;
}
