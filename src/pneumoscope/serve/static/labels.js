// Labels that the reader gives a film of the list.

import { h } from "./dom.js";
import { LABELS } from "./listview.js";
import { action, menu } from "./menu.js";
import { t } from "./texts.js";

/** A menu that sets and takes back the labels of a film; `set(labels)` is called with those that it has then. */
export function labelMenu(row, set) {
  const toggled = (label) => (row.labels.includes(label) ? row.labels.filter((other) => other !== label) : [...row.labels, label]);
  const items = () =>
    LABELS.map((label) => {
      const item = action(row.labels.includes(label) ? "normal" : "label", t(`labels.${label}`), () => set(toggled(label)));
      item.setAttribute("role", "menuitemcheckbox");
      item.setAttribute("aria-checked", String(row.labels.includes(label)));
      return item;
    });
  return menu("label", t("labels.title"), items, { iconOnly: true });
}

/** Badges of the labels. */
export function labelBadges(row) {
  return row.labels.map((label) => h("span", { class: "badge label" }, t(`labels.${label}`)));
}
