// Ages as readers see them: below two years in completed months, as paediatricians write them; the same as
// `_outside_ages` of pneumoscope/decision/gate.py. No DOM.

/** The unit, by which the sentence is found, and how many: ["years", 4], ["months", 18], ["month", 1], ["under_a_month", 0]. */
export function ageIn(years) {
  if (years >= 2) return ["years", years];
  const months = Math.floor(12 * years + 1e-6); // a sum of twelfths may lie just below a whole number
  if (months > 1) return ["months", months];
  return months ? ["month", months] : ["under_a_month", months];
}
