// The dialog that lists all keys.

import { h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { entry, t } from "./texts.js";

/** Opens the dialog. */
export function openHelp() {
  const groups = Object.values(entry("help.groups"));
  openDialog(
    t("help.title"),
    h(
      "div",
      { class: "help" },
      groups.map((group) =>
        h(
          "section",
          {},
          h("h3", {}, group.title),
          h("dl", {}, group.keys.map(([keys, text]) => h("div", {}, h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, text)))),
        ),
      ),
      h("p", { class: "secondary" }, t("help.mouse")),
    ),
    { wide: true },
  );
}
