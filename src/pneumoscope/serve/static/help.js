// The dialog that lists all keys, in which the reader can change them.

import { announce, button, fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { assign, GROUPS, keyName, keyOf, resetKeys } from "./keys.js";
import { entry, t } from "./texts.js";

/** Opens the dialog. */
export function openHelp() {
  const message = h("p", { class: "error-text", role: "alert" });
  const list = h("div", { class: "help" });
  const draw = (focus = "") => {
    fill(list, Object.entries(GROUPS).map(([name, actions]) => group(name, Object.keys(actions), change)), focused(), h("p", { class: "secondary" }, t("help.mouse")));
    list.querySelector(`[data-action="${focus}"]`)?.focus();
  };
  const change = (action, key) => {
    const refused = assign(action, key);
    message.textContent = refused ? t(`help.${refused.why}`, { key: keyName(key.toLowerCase()), other: refused.other && t(`help.actions.${refused.other}`) }) : "";
    if (!refused) announce(t("help.changed", { action: t(`help.actions.${action}`), key: keyName(keyOf(action)) }));
    draw(action);
  };
  draw();
  const dialog = openDialog(t("help.title"), [h("p", { class: "secondary" }, t("help.lead")), message, list], {
    wide: true,
    foot: [
      button("reset", t("help.reset"), () => {
        resetKeys();
        message.textContent = "";
        draw();
        announce(t("help.wasReset"));
      }),
      button("", t("common.done"), () => dialog.close(), { class: "primary" }),
    ],
  });
  dialog.addEventListener("cancel", (event) => {
    const waiting = list.querySelector(".key.waiting");
    if (!waiting) return;
    event.preventDefault();
    waiting.blur();
    waiting.focus();
  });
}

function group(name, actions, change) {
  const fixed = fixedKeys(name);
  const changeable = actions.map((action) => line(keyButton(action, change), t(`help.actions.${action}`)));
  return h("section", {}, h("h3", {}, t(`help.groups.${name}`)), h("dl", {}, changeable, fixed));
}

/** Keys of a film that has the focus, which are the same for all readers. */
function focused() {
  return h("section", {}, h("h3", {}, t("help.groups.focused")), h("dl", {}, fixedKeys("focused")));
}

const fixedKeys = (name) => (entry(`help.fixed.${name}`) ?? []).map(([keys, text]) => line(keys.split(" ").map(kbd), text));

const line = (keys, text) => h("div", {}, h("dt", {}, keys), h("dd", {}, text));
const kbd = (key) => h("kbd", {}, key);

/** The key of an action; after a click, the next key that is pressed takes its place. */
function keyButton(action, change) {
  const text = t(`help.actions.${action}`);
  const name = keyName(keyOf(action));
  let waits = false;
  const wait = (now) => {
    waits = now;
    key.classList.toggle("waiting", now);
    key.textContent = now ? t("help.press") : name;
  };
  const key = h(
    "button",
    {
      type: "button",
      class: "key",
      dataset: { action },
      "aria-label": t("help.change", { action: text, key: name }),
      onclick: () => wait(true),
      onblur: () => wait(false),
      onkeydown: (event) => {
        // Escape comes back as the dialog's "cancel".
        if (!waits || event.key === "Tab" || event.key === "Escape" || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        change(action, event.key);
      },
      // Space would press the button again.
      onkeyup: (event) => waits && event.preventDefault(),
    },
    name,
  );
  return key;
}
