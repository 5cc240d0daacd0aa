// The dialog "About this model": the facts about the bundle, and its model card.

import { fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { markdown } from "./markdown.js";
import { t } from "./texts.js";

/** Opens the dialog about the chosen bundle, or about all among which films choose; `bundles` is a `Bundles`. */
export async function openAbout(bundles) {
  const body = h("div", { class: "about" }, h("p", { class: "muted" }, t("common.loading")));
  openDialog(t("about.title"), body, { wide: true });
  try {
    const model = await bundles.model();
    fill(body, (model.bundles ?? [model]).map((bundle) => [facts(bundle), cardNote(), h("div", { class: "card-text", lang: "en" }, markdown(withoutTitle(bundle.card)))]));
  } catch (problem) {
    fill(body, h("p", { class: "error-text" }, problem.title), h("p", { class: "secondary" }, problem.hint ?? ""));
  }
}

function facts(model) {
  const lines = [
    [t("about.bundle"), model.bundle],
    [t("about.hash"), h("code", {}, model.bundle_sha256)],
    [t("facts.profile"), model.profile],
    [t("about.population"), model.population?.text],
    [t("about.version"), model.pneumoscope],
  ];
  return [
    h("p", { class: "notice" }, model.intended_use ?? t("notice")),
    h("dl", { class: "facts wide" }, lines.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
  ];
}

/** Says in another language than the card's that it is in English. */
function cardNote() {
  const note = t("about.cardLanguage");
  return note && h("p", { class: "secondary" }, note);
}

/** The card's own title repeats the bundle's name. */
function withoutTitle(card) {
  return card.replace(/^# .*\n+/, "");
}
