// The settings dialog: how films are read, by the form that the back end describes, and how they are shown.

import { bundleField } from "./bundles.js";
import { announce, button, fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import * as locale from "./locale.js";
import { general } from "./numbers.js";
import { preferences } from "./preferences.js";
import { entry, LANGUAGES, t } from "./texts.js";

const ELSEWHERE = ["force", "population"]; // offered beside a verdict and with the bundles, not here
const PERCENT_STEP = 0.1; // nearest to an end that does not belong to the range
const ALL = 100;

/** Opens the dialog, with the form of the chosen bundle; `bundles` is a `Bundles`. */
export function openSettings(bundles) {
  const fields = h("div", { class: "reading-fields" });
  const others = h("div");
  const body = h("form", { class: "settings", onsubmit: (event) => event.preventDefault() }, reading(bundleField(bundles), fields), others);
  const drawFields = () => fill(fields, readingFields(bundles.settings.form));
  const draw = () => {
    drawFields();
    fill(others, showing());
  };
  bundles.addEventListener("change", drawFields);
  draw();
  const dialog = openDialog(t("settings.title"), body, {
    wide: true,
    foot: [
      button("reset", t("settings.reset"), () => {
        preferences.reset();
        draw();
        announce(t("settings.wasReset"));
      }),
      button("", t("common.done"), () => dialog.close(), { class: "primary" }),
    ],
  });
  dialog.addEventListener("close", () => bundles.removeEventListener("change", drawFields));
}

function reading(...content) {
  return h("section", {}, h("h3", {}, t("settings.reading")), h("p", { class: "secondary" }, t("settings.readingNote")), content);
}

/** A field for each property of a form (`Settings` in backend.js): a choice or a share. */
function readingFields({ properties = {} } = {}) {
  const fields = Object.entries(properties).filter(([name]) => !ELSEWHERE.includes(name));
  return fields.map(([name, schema]) => (schema.oneOf ? choice(name, schema) : share(name, schema)));
}

function choice(name, schema) {
  const options = schema.oneOf.map((option) => ({ value: option.const, title: option.title, text: option.description }));
  // The default is kept as null, so that it follows the back end.
  const store = (value) => preferences.setRead({ [name]: value === schema.default ? null : value });
  return cards(schema.title, name, options, { chosen: preferences.read()[name] ?? schema.default, standard: schema.default, store });
}

function showing() {
  const chosen = (name, values, standard) => {
    const options = values.map((value) => ({ value, title: t(`settings.${name}s.${value}.title`), text: t(`settings.${name}s.${value}.text`) }));
    return cards(t(`settings.${name}`), name, options, { chosen: preferences.get(name), standard, store: (value) => preferences.set({ [name]: value }) });
  };
  return h(
    "section",
    {},
    h("h3", {}, t("settings.showing")),
    chosen("reveal", ["moment", "ask", "once"], "moment"),
    toggle("reader", t("settings.reader"), t("settings.readerNote")),
    chosen("language", ["browser", ...LANGUAGES], "browser"),
    chosen("theme", ["dark", "light", "system"], "dark"),
    toggle("keys", t("settings.keys"), t("settings.keysNote")),
  );
}

/** Radio buttons with a title and a text each; `store` is called with the value that is chosen. */
function cards(legend, name, options, { chosen, standard, store }) {
  return h(
    "fieldset",
    { class: "cards" },
    h("legend", {}, legend),
    options.map(({ value, title, text }) => {
      const input = h("input", { type: "radio", name, value, onchange: () => store(value) });
      input.checked = value === chosen;
      const mark = value === standard && h("em", {}, t("settings.standard"));
      return h("label", { class: "card" }, input, h("span", {}, h("strong", {}, title, mark), text && h("span", { class: "secondary" }, text)));
    }),
  );
}

/** A share as a percentage, without the sign. */
const percentage = (value) => general(100 * value, 4);

/** A lowest percentage with few digits, not below what is allowed. */
function roundedUp(percent) {
  const nearest = Number(general(percent, 4));
  return nearest >= percent ? nearest : Number(general(1.001 * percent, 4));
}

/** A share in percent; empty for the default. A value out of range is not stored. */
function share(name, schema) {
  const value = preferences.read()[name];
  const id = `setting-${name}`;
  const low = roundedUp(100 * (schema.minimum ?? 0)) || PERCENT_STEP;
  const high = 100 * (schema.maximum ?? 0) || ALL - PERCENT_STEP;
  const message = h("p", { class: "error-text", id: `${id}-error`, role: "alert" });
  const input = h("input", {
    id,
    type: "number",
    min: low,
    max: high,
    step: "any",
    inputmode: "decimal",
    placeholder: schema.default === undefined ? (entry(`settings.empty.${name}`) ?? "") : locale.general(100 * schema.default, 4),
    "aria-describedby": `${id}-note ${id}-error`,
    oninput: () => {
      const valid = input.checkValidity();
      input.setAttribute("aria-invalid", String(!valid));
      message.textContent = valid ? "" : t("settings.between", { low: locale.general(low, 4), high: locale.general(high, 4) });
      if (valid) preferences.setRead({ [name]: input.value === "" ? null : input.valueAsNumber / 100 });
    },
  });
  if (value !== undefined) input.value = percentage(value);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, schema.title),
    h("span", { class: "with-unit" }, input, h("span", { "aria-hidden": "true" }, "%")),
    h("p", { class: "secondary", id: `${id}-note` }, schema.description),
    message,
  );
}

function toggle(name, label, note) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: () => preferences.set({ [name]: input.checked }) });
  input.checked = preferences.get(name);
  return h("label", { class: "card" }, input, h("span", {}, h("strong", {}, label), h("span", { class: "secondary" }, note)));
}
