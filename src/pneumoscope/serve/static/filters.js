// The filters and the order of the list of films, which open above it.

import { button, fill, h } from "./dom.js";
import { LABELS, NOTES, ORDER_NAMES } from "./listview.js";
import { nameOf, t } from "./texts.js";

const STATES = ["ready", "waiting", "unread"]; // of films without a verdict that is shown

export class Filters {
  /** view: a `ListView`; rows(): all rows; positives(): names of the positive verdicts. */
  constructor(view, { rows, positives }) {
    Object.assign(this, { view, rows, positives });
    const select = (name, options) => h("select", { "aria-label": t(`list.filters.${name}`), onchange: (event) => view.set({ [name]: event.target.value }) }, options);
    const choice = (value, text) => h("option", { value }, text);
    this.fields = {
      verdict: select("verdict", []),
      note: select("note", [choice("", t("list.filters.anyNote")), NOTES.map((note) => choice(note, t(`list.filters.notes.${note}`)))].flat()),
      label: select("label", [choice("", t("list.filters.anyLabel")), LABELS.map((label) => choice(label, t(`labels.${label}`)))].flat()),
      since: h("input", { type: "date", "aria-label": t("list.filters.since"), onchange: (event) => view.set({ since: event.target.value }) }),
      order: select("order", ORDER_NAMES.map((order) => choice(order, t(`list.filters.orders.${order}`)))),
    };
    this.prior = h("input", { type: "checkbox", onchange: (event) => view.set({ prior: event.target.checked ? "yes" : "" }) });
    this.search = h("input", { type: "search", "aria-label": t("list.filters.find"), placeholder: t("list.filters.find"), oninput: () => view.find(this.search.value) });
    this.all = button("", t("list.filters.all"), () => view.reset(), { class: "subtle" });
    const line = (name) => h("label", {}, h("span", {}, t(`list.filters.${name}`)), this.fields[name]);
    this.element = h(
      "div",
      { class: "list-filters", hidden: true },
      this.search,
      ["verdict", "order", "note", "label", "since"].map(line),
      this.all,
      h("label", { class: "checkbox" }, this.prior, h("span", {}, t("list.filters.prior"))),
    );
    this.toggle = button("filter", t("list.filters.title"), () => this.open(this.element.hidden), { iconOnly: true, key: "filter", "aria-expanded": "false" });
    view.addEventListener("change", () => this.update());
    this.update();
  }

  open(open) {
    this.element.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
    if (open) this.search.focus();
  }

  /** Shows the view, and the counts of the verdicts. */
  update() {
    const { view, fields } = this;
    const counts = view.counts(this.rows());
    const offered = ["NORMAL", ...this.positives(), "UNDETERMINED", "REFUSED"];
    const others = [...counts.keys()].filter((verdict) => verdict && !offered.includes(verdict) && !STATES.includes(verdict));
    const name = (verdict) => (verdict ? (STATES.includes(verdict) ? t(`list.filters.states.${verdict}`) : nameOf(verdict)) : t("list.filters.anyVerdict"));
    const chosen = view.values.verdict; // the address may say one that no film has
    const shown = [...new Set(["", ...offered, ...others, ...STATES, chosen])].filter((verdict) => !STATES.includes(verdict) || counts.get(verdict) || verdict === chosen);
    // An open list of choices would close if it were made anew.
    const options = shown.map((verdict) => [verdict, t("list.filters.count", { name: name(verdict), count: counts.get(verdict) ?? 0 })]);
    const text = JSON.stringify(options);
    if (text !== this.offered) fill(fields.verdict, options.map(([value, label]) => h("option", { value }, label)));
    this.offered = text;
    for (const [key, field] of Object.entries(fields)) field.value = view.values[key];
    this.prior.checked = Boolean(view.values.prior);
    if (this.search !== document.activeElement) this.search.value = view.query;
    this.all.disabled = !view.narrows && view.values.order === "added";
    this.toggle.classList.toggle("active", !this.all.disabled);
  }
}
