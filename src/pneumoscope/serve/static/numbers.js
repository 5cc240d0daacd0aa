// Numbers as Python writes them: halves are rounded to even, on the exact binary value. toFixed(100) has
// every digit of a double of 1e-14 or more.

/** `f"{x:.{decimals}f}"`, for 0 or more. */
export function fixed(x, decimals) {
  const digits = rounded(x, decimals).padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

/** `f"{x:.{precision}g}"`, for 0 or more. */
export function general(x, precision) {
  if (x === 0) return "0";
  const { digits, power } = significant(x, precision);
  const trimmed = digits.replace(/0+$/, "") || "0";
  if (power < -4 || power >= precision) return withPower(trimmed, power);
  if (power < 0) return `0.${"0".repeat(-power - 1)}${trimmed}`;
  const whole = digits.slice(0, power + 1);
  const rest = trimmed.slice(power + 1);
  return rest ? `${whole}.${rest}` : whole;
}

/** `f"{x:.{decimals}e}"`, above 0. */
export function scientific(x, decimals) {
  const { digits, power } = significant(x, decimals + 1);
  return withPower(digits, power);
}

/** A threshold, as `pneumoscope.metrics.threshold_text`: "0.433", or "2.5e-04" for a rare finding, which is not 0. */
export function thresholdText(threshold, decimals = 3) {
  return threshold >= 0.001 ? fixed(threshold, decimals) : scientific(threshold, decimals - 2);
}

/** Several thresholds, as `pneumoscope.metrics.threshold_texts`: with enough digits, at most seven, to tell them apart and from 1. */
export function thresholdTexts(thresholds) {
  for (let decimals = 3; decimals < MOST_DECIMALS; decimals += 1) {
    const texts = thresholds.map((threshold) => thresholdText(threshold, decimals));
    const isOne = texts.some((text, i) => Number(text) === 1 && thresholds[i] < 1);
    if (new Set(texts).size === new Set(thresholds).size && !isOne) return texts;
  }
  return thresholds.map((threshold) => thresholdText(threshold, MOST_DECIMALS));
}

const MOST_DECIMALS = 7;

const withPower = (digits, power) =>
  `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;

/** The first digits of a number, and the power of ten of the first one. */
function significant(x, count) {
  const [whole, fraction] = x.toFixed(100).split(".");
  const power = whole !== "0" ? whole.length - 1 : -1 - fraction.search(/[1-9]/);
  const digits = rounded(x, count - 1 - power);
  // 9.99 may become 10.0.
  return digits.length > count ? { digits: digits.slice(0, count), power: power + 1 } : { digits, power };
}

/** All digits of a number that is rounded to so many decimals, without the point; -1 rounds to tens. */
function rounded(x, decimals) {
  const [whole, fraction] = x.toFixed(100).split(".");
  const all = whole + fraction;
  const kept = all.slice(0, whole.length + decimals);
  const rest = all.slice(whole.length + decimals);
  const half = `5${"0".repeat(rest.length - 1)}`;
  const odd = Number(kept.at(-1) ?? "0") % 2 === 1;
  const up = rest > half || (rest === half && odd);
  return String(BigInt(kept || "0") + (up ? 1n : 0n));
}
