// Modal dialogs, with the focus trap and the Escape key of the browser.

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/** Opens a dialog, which is removed from the page when it closes. */
export function openDialog(title, content, { wide = false, foot = null } = {}) {
  const id = `dialog-${Date.now()}`;
  const dialog = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), button("close", t("common.close"), () => dialog.close(), { iconOnly: true })),
    // The text has the focus, so that arrow keys scroll it and no button is pressed by accident.
    h("div", { class: "dialog-body", tabindex: 0, autofocus: true, role: "group", "aria-labelledby": id }, content),
    foot && h("footer", {}, foot),
  );
  dialog.addEventListener("close", () => dialog.remove());
  // A click outside the dialog closes it.
  dialog.addEventListener("pointerdown", (event) => {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === dialog && !inside) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks for confirmation; resolves to true if the reader agrees. `name` is the icon of the button that does. */
export function confirm(title, text, yes, name = "bin") {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = openDialog(title, h("p", {}, text), {
      foot: [
        button("", t("common.cancel"), () => dialog.close()),
        button(name, yes, () => {
          answer = true;
          dialog.close();
        }, { class: "danger" }),
      ],
    });
    dialog.addEventListener("close", () => resolve(answer));
  });
}
