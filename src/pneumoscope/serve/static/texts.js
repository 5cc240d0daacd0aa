// Every word of the page comes from one file, texts.<language>.json.

/** Languages that have a file, the first for everybody else. */
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
  return key.split(".").reduce((at, part) => at?.[part], texts);
}

/**
 * The text at a dotted key, with {name} replaced by values.name. A text in two forms,
 * {"one", "other"}, is chosen by values.count. A missing key shows itself, so that it is seen.
 */
export function t(key, values = {}) {
  let found = entry(key);
  if (found && typeof found === "object") found = values.count === 1 ? found.one : found.other;
  if (typeof found !== "string") return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
