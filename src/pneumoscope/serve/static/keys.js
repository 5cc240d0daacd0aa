// Which key does what: the reader's own keys, or the usual ones.

import { preferences } from "./preferences.js";
import { t } from "./texts.js";

/** The usual key of each action, by the groups of the list of keys. */
export const GROUPS = {
  list: {
    add: "o",
    next: "j",
    previous: "k",
    proceed: " ",
    callNormal: "n",
    callPositive: "y",
    callUnsure: "c",
    downloads: "d",
    remove: "delete",
    filter: "f",
  },
  film: {
    heatmap: "h",
    weaker: ",",
    stronger: ".",
    lungs: "u",
    cells: "g",
    layout: "v",
    zoomIn: "+",
    zoomOut: "-",
    fit: "0",
    trueSize: "z",
    window: "w",
    pan: "p",
    measure: "m",
    ratio: "x",
    preset: "b",
    magnifier: "q",
    invert: "i",
    reset: "r",
  },
  page: { read: "1", history: "2", compare: "3", link: "l", settings: "s", about: "a", theme: "t" },
};
/** It opens the list of keys, whatever else is chosen. */
export const HELP = "?";

const USUAL = Object.assign({}, ...Object.values(GROUPS));
const NAMED = ["delete", "backspace", "insert", "pageup", "pagedown"];

/** The key of an action, as in `KeyboardEvent.key` in small letters. */
export function keyOf(action) {
  return preferences.get("shortcuts")[action] ?? USUAL[action] ?? HELP;
}

/** The action of a key, or undefined. */
export function actionOf({ key }) {
  const wanted = key.toLowerCase();
  if (wanted === HELP) return "help";
  const action = Object.keys(USUAL).find((name) => keyOf(name) === wanted);
  // On many keyboards + is on the key of =, with Shift.
  return action ?? (wanted === "=" ? Object.keys(USUAL).find((name) => keyOf(name) === "+") : undefined);
}

/** A key for readers, such as "A" or "Space". */
export function keyName(key) {
  if (key === " ") return t("keys.space");
  const name = NAMED.indexOf(key) >= 0 ? t(`keys.${key}`) : key;
  return name.length === 1 ? name.toUpperCase() : name;
}

/**
 * Gives an action another key. Returns why not: "taken" with the action that has it, or "reserved" for keys that
 * move the focus or mean something everywhere; else null.
 */
export function assign(action, pressed) {
  const key = pressed.toLowerCase();
  if (key === HELP || !(key.length === 1 || NAMED.includes(key))) return { why: "reserved" };
  const other = actionOf({ key });
  if (other && other !== action) return { why: "taken", other };
  preferences.set({ shortcuts: { ...preferences.get("shortcuts"), [action]: key } });
  return null;
}

/** Gives all actions their usual keys. */
export function resetKeys() {
  preferences.set({ shortcuts: {} });
}

/** A tooltip that names the key of an action, or those of several. */
export function hint(label, actions) {
  return t("keys.hint", { label, key: actions.split(" ").map((action) => keyName(keyOf(action))).join(" ") });
}

/** Writes the tooltips of all elements anew that name a key. */
export function updateHints() {
  for (const element of document.querySelectorAll("[data-keys]")) element.title = hint(element.dataset.label, element.dataset.keys);
}
