// Decides the cases of decisions.json with the page's decision.js.

import { decide, rulesOf, SettingError, wordsOf } from "./decision.js";

/** What is decided and said in every case, or the code of the error that it is refused with. */
export function replayed({ usual, bundles, profiles, cases }, sentences) {
  return cases.map((one) => {
    try {
      const profile = one.profile ? profiles[one.profile] : null;
      const rules = rulesOf(bundles[one.bundle], one.settings ?? {}, profile);
      const film = {
        probabilities: one.probabilities,
        gate: { ...usual.gate, ...one.gate },
        facts: { ...usual.facts, ...one.facts },
      };
      const decision = decide(rules, film, sentences);
      return { decision, words: wordsOf(decision, sentences) };
    } catch (error) {
      if (error instanceof SettingError) return { error: error.code };
      throw error;
    }
  });
}
