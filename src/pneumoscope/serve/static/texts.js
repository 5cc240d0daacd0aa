// The labels of the page, from one file for each language: texts.<language>.json. Sentences about a
// result come from the server (words.js).

/** Languages that have a file; the first is the default. */
const LANGUAGES = ["en"];

let texts = {};

/** Loads the texts of the reader's language. */
export async function loadTexts() {
  const wanted = navigator.languages.map((tag) => tag.split("-")[0]);
  const language = wanted.find((tag) => LANGUAGES.includes(tag)) ?? LANGUAGES[0];
  const response = await fetch(new URL(`texts.${language}.json`, import.meta.url));
  texts = await response.json();
  document.documentElement.lang = language;
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
