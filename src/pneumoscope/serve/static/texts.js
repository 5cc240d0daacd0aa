// The labels of the page, from one file for each language: texts.<language>.json. Sentences about a
// result come from the back end, which knows the page's language (words.js).

import { preferences } from "./preferences.js";

/** Languages that have a file; the first is the default. */
export const LANGUAGES = ["en", "de"];

let texts = {};

/** The language that the reader chose in the settings, else the first of the browser's that there is. */
export function language() {
  const chosen = preferences.get("language");
  if (LANGUAGES.includes(chosen)) return chosen;
  return navigator.languages.map(languageOf).find((tag) => LANGUAGES.includes(tag)) ?? LANGUAGES[0];
}

/** How dates are written: with the region of the browser if it is one of the page's language. */
export function locale() {
  return navigator.languages.find((tag) => languageOf(tag) === language()) ?? language();
}

const languageOf = (tag) => tag.split("-")[0].toLowerCase();

/** Loads the texts of the reader's language. */
export async function loadTexts() {
  const response = await fetch(new URL(`texts.${language()}.json`, import.meta.url));
  texts = await response.json();
  document.documentElement.lang = language();
}

/** The entry at a dotted key, or undefined. */
export function entry(key) {
  return key.split(".").reduce((branch, part) => branch?.[part], texts);
}

/**
 * The text at a dotted key, in which {name} is replaced by values.name. Of a text with two forms,
 * {"one", "other"}, values.count chooses one. If there is no text, the key is returned.
 */
export function t(key, values = {}) {
  let text = entry(key);
  if (text && typeof text === "object") text = values.count === 1 ? text.one : text.other;
  if (typeof text !== "string") return key;
  return text.replace(/\{(\w+)\}/g, (placeholder, name) => values[name] ?? placeholder);
}

/** A verdict, class, kind, finding or other code of a result, as readers see it; as it is if it has no other name. */
export function nameOf(code) {
  return texts.names?.[code] ?? code;
}
