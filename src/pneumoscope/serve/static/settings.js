// The settings dialog: how films are read, how they are shown.

import { announce, button, fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { preferences } from "./preferences.js";
import { t } from "./texts.js";
import { percent, thresholdText } from "./words.js";

/** Opens the dialog; `server` is what GET /settings said. */
export function openSettings(server) {
  const body = h("form", { class: "settings", onsubmit: (event) => event.preventDefault() });
  const draw = () => fill(body, reading(server), showing());
  draw();
  const dialog = openDialog(t("settings.title"), body, {
    wide: true,
    foot: [
      button("reset", t("settings.reset"), () => {
        preferences.set({ operatingPoint: null, prevalence: null, error: null, explain: null, reveal: "moment", theme: "dark", keys: true });
        draw();
        announce(t("settings.wasReset"));
      }),
      button("", t("common.done"), () => dialog.close(), { class: "primary" }),
    ],
  });
}

function reading(server) {
  const defaults = server.defaults ?? {};
  const points = [...new Map((server.operating_points ?? []).map((point) => [point.name, point])).values()];
  return h(
    "section",
    {},
    h("h3", {}, t("settings.reading")),
    h("p", { class: "secondary" }, t("settings.readingNote")),
    choices(
      t("settings.point"),
      "operatingPoint",
      points.map((point) => ({ value: point.name, title: `${point.name} · ${thresholdText(point.threshold)}`, text: point.rule })),
      defaults.operating_point,
    ),
    server.prevalence !== false && share("prevalence", t("settings.prevalence"), t("settings.prevalenceNote"), defaults.prevalence ? bare(defaults.prevalence) : t("settings.asValidation"), 0.1, 99.9),
    server.error?.possible !== false && share("error", t("settings.error"), t("settings.errorNote", { share: percent(defaults.error ?? 0.05) }), bare(defaults.error ?? 0.05), 100 * (server.error?.smallest ?? 0.001), 50),
    choices(
      t("settings.explain"),
      "explain",
      ["fast", "checked", "none"].map((value) => ({ value, title: t(`settings.explains.${value}.title`), text: t(`settings.explains.${value}.text`) })),
      defaults.explain ?? "fast",
    ),
  );
}

function showing() {
  const options = (name, values) => values.map((value) => ({ value, title: t(`settings.${name}s.${value}.title`), text: t(`settings.${name}s.${value}.text`) }));
  return h(
    "section",
    {},
    h("h3", {}, t("settings.showing")),
    choices(t("settings.reveal"), "reveal", options("reveal", ["moment", "ask", "once"]), "moment"),
    choices(t("settings.theme"), "theme", options("theme", ["dark", "light", "system"]), "dark"),
    toggle("keys", t("settings.keys"), t("settings.keysNote")),
  );
}

/** Radio cards; the default is stored as null, so that it follows the server. */
function choices(legend, name, options, standard) {
  const chosen = preferences.get(name) ?? standard;
  return h(
    "fieldset",
    { class: "cards" },
    h("legend", {}, legend),
    options.map(({ value, title, text }) => {
      const input = h("input", {
        type: "radio",
        name,
        value,
        onchange: () => preferences.set({ [name]: value === standard && ["operatingPoint", "explain"].includes(name) ? null : value }),
      });
      input.checked = value === chosen;
      return h("label", { class: "card" }, input, h("span", {}, h("strong", {}, title, value === standard && h("em", {}, t("settings.standard"))), text && h("span", { class: "secondary" }, text)));
    }),
  );
}

/** A share in percent, without its sign. */
const bare = (share) => String(Number((100 * share).toPrecision(4)));

/** A share in percent; empty for the default. Nothing out of range is kept. */
function share(name, label, note, placeholder, low, high) {
  const value = preferences.get(name);
  const id = `setting-${name}`;
  const message = h("p", { class: "error-text", id: `${id}-bad`, role: "alert" });
  const input = h("input", {
    id,
    type: "number",
    min: low,
    max: high,
    step: "any",
    inputmode: "decimal",
    placeholder,
    "aria-describedby": `${id}-note ${id}-bad`,
    oninput: () => {
      const good = input.checkValidity();
      input.setAttribute("aria-invalid", String(!good));
      message.textContent = good ? "" : t("settings.between", { low, high });
      if (good) preferences.set({ [name]: input.value === "" ? null : input.valueAsNumber / 100 });
    },
  });
  if (value !== null) input.value = bare(value);
  return h("div", { class: "field" }, h("label", { for: id }, label), h("span", { class: "with-unit" }, input, h("span", { "aria-hidden": "true" }, "%")), h("p", { class: "secondary", id: `${id}-note` }, note), message);
}

function toggle(name, label, note) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: () => preferences.set({ [name]: input.checked }) });
  input.checked = preferences.get(name);
  return h("label", { class: "card" }, input, h("span", {}, h("strong", {}, label), h("span", { class: "secondary" }, note)));
}
