// Dialogs: the browser's own, with its focus trap and Escape.

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/** Opens a dialog; it is gone from the page when it closes. */
export function openDialog(title, content, { wide = false, foot = null } = {}) {
  const id = `dialog-${Date.now()}`;
  const dialog = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), button("close", t("common.close"), () => dialog.close(), { quiet: true })),
    // The text has the focus: arrows scroll it, and nothing is pressed by accident.
    h("div", { class: "dialog-body", tabindex: 0, autofocus: true, role: "group", "aria-labelledby": id }, content),
    foot && h("footer", {}, foot),
  );
  dialog.addEventListener("close", () => dialog.remove());
  // A click beside the dialog closes it.
  dialog.addEventListener("pointerdown", (event) => {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === dialog && !inside) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that cannot be undone; resolves to whether it shall be done. */
export function confirm(title, text, yes) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = openDialog(title, h("p", {}, text), {
      foot: [
        button("", t("common.cancel"), () => dialog.close()),
        button("bin", yes, () => {
          answer = true;
          dialog.close();
        }, { class: "danger solid" }),
      ],
    });
    dialog.addEventListener("close", () => resolve(answer));
  });
}
