// Makes elements without innerHTML, so that no text from a film or a server becomes markup.

import { ICONS } from "./icons.js";
import { hint } from "./keys.js";
import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. In `props`, keys that begin with "on" are event listeners, `dataset` and `style`
 * are objects (style is set through the CSSOM, which the content security policy allows), and all
 * other keys are attributes. A value of null, undefined or false is left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else if (key === "style") setStyle(element, value);
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
}

/** An icon of icons.js; hidden from screen readers unless it has a label. */
export function icon(name, label = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with an icon; with `iconOnly` its label is a tooltip and for screen readers only. `key` is the action
 * whose key the tooltip names.
 */
export function button(name, label, onclick, { iconOnly = false, key = "", ...props } = {}) {
  const title = key ? hint(label, key) : iconOnly ? label : null;
  return h(
    "button",
    {
      type: "button",
      title,
      onclick,
      "aria-label": iconOnly ? label : null,
      ...props,
      dataset: { ...(key ? { keys: key, label } : {}), ...props.dataset },
      class: `button ${iconOnly ? "icon-only" : ""} ${props.class ?? ""}`,
    },
    name && icon(name),
    iconOnly ? null : h("span", {}, label),
  );
}

/** Replaces the content of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/** Announces a sentence to screen readers. */
export function announce(sentence) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  // The region is empty for one frame, so that a repeated sentence is announced again.
  requestAnimationFrame(() => {
    region.textContent = sentence;
  });
}

let toastTimer = 0;

/** Shows a message at the bottom of the page; errors stay until they are dismissed. */
export function toast(title, detail = "", level = "info") {
  const place = document.getElementById("toast");
  clearTimeout(toastTimer);
  fill(
    place,
    h(
      "div",
      { class: `toast ${level}`, role: level === "error" ? "alert" : "status" },
      h("div", {}, h("strong", {}, title), detail && h("p", {}, detail)),
      button("close", t("common.dismiss"), () => fill(place), { iconOnly: true }),
    ),
  );
  if (level !== "error") toastTimer = setTimeout(() => fill(place), 5000);
}
