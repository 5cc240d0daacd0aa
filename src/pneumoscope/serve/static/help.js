// The help overlay: every key.

import { h } from "/static/dom.js";
import { openDialog } from "/static/dialog.js";
import { entry, t } from "/static/texts.js";

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
      h("p", { class: "quiet" }, t("help.mouse")),
    ),
    { wide: true },
  );
}
