// A button that opens a menu of actions; arrow keys, Home, End and Escape work in it.

import { h, icon } from "./dom.js";

/** A menu button; `items()` returns the menu items each time the menu opens. */
export function menu(name, label, items, { iconOnly = false } = {}) {
  const list = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto" });
  const opener = h(
    "button",
    { type: "button", class: `button ${iconOnly ? "icon-only" : ""}`, "aria-haspopup": "menu", "aria-expanded": "false", title: iconOnly ? label : null, "aria-label": iconOnly ? label : null },
    icon(name),
    iconOnly ? null : h("span", {}, label),
    iconOnly ? null : icon("chevron"),
  );
  opener.popoverTargetElement = list;
  const entries = () => [...list.querySelectorAll("[role^=menuitem]")];

  list.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") list.replaceChildren(...items());
  });
  list.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return;
    place(list, opener);
    entries()[0]?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const all = entries();
    const at = all.indexOf(document.activeElement);
    const next = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all[next].focus();
  });
  list.addEventListener("click", () => list.hidePopover());
  return h("div", { class: "menu-holder" }, opener, list);
}

/** Places a menu below its button if there is room, else above it, within the window. */
function place(list, opener) {
  const box = opener.getBoundingClientRect();
  const { offsetWidth: wide, offsetHeight: high } = list;
  const below = box.bottom + 6 + high < innerHeight;
  const left = box.left + wide < innerWidth - 8 ? box.left : box.right - wide;
  list.style.setProperty("left", `${Math.max(8, left)}px`);
  list.style.setProperty("top", `${below ? box.bottom + 6 : Math.max(8, box.top - 6 - high)}px`);
}

/** A menu item. */
export function action(name, label, onclick) {
  return h("button", { type: "button", role: "menuitem", tabindex: "-1", class: "item", onclick }, icon(name), label);
}
