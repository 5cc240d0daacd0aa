// The dialog "DICOM node" for administrators: what came in, what waits, what is done, and what is wrong.

import { button, fill, h, icon } from "./dom.js";
import { openDialog } from "./dialog.js";
import { fixed } from "./locale.js";
import { entry, locale, nameOf, t } from "./texts.js";

const REFRESH_MS = 10_000;
// A dialog that nobody looks at must not keep the session open for ever.
const MOST_REFRESHES = 60;
const GIB = 2 ** 30;
const GROUPS = ["positive", "undetermined", "not read", "routine"]; // the most urgent first

/** The button that opens the dialog. */
export function nodeButton(backend) {
  return button("node", t("node.title"), () => openNode(backend), { iconOnly: true });
}

function openNode(backend) {
  const content = h("div", { class: "node" }, h("p", { class: "muted" }, t("common.loading")));
  const updated = h("span", { class: "secondary updated" });
  const update = async () => {
    try {
      fill(content, shown(await backend.node()));
    } catch (problem) {
      fill(content, h("p", { class: "error-text" }, problem.title), h("p", { class: "secondary" }, problem.hint ?? ""));
    }
    updated.textContent = t("node.updated", { time: new Date().toLocaleTimeString(locale()) });
  };
  let refreshes = 0;
  const timer = setInterval(() => {
    // A table that a reader scrolls by keys must not be replaced.
    if (document.hidden || content.contains(document.activeElement)) return;
    refreshes += 1;
    if (refreshes > MOST_REFRESHES) clearInterval(timer);
    else update();
  }, REFRESH_MS);
  const foot = [updated, button("retry", t("node.update"), update)];
  openDialog(t("node.title"), content, { wide: true, foot }).addEventListener("close", () => clearInterval(timer));
  update();
}

function shown(status) {
  // A node of another version may not have all of them.
  const { films = {}, verdicts = {}, destinations = {}, sources = {}, problems: wrong = [], worklist: groups = {} } = status;
  return [
    problems(wrong),
    worklist(groups),
    table(t("node.films"), [], [
      [t("node.received"), number(status.received)],
      [t("node.refused"), number(status.refused)],
      [t("node.spool"), number(status.spool_films)],
      [t("node.queued"), number(films.queued)],
      [t("node.running"), number(films.running)],
      [t("node.done"), number(films.done)],
      [t("node.failed"), number(films.failed)],
      [t("node.oldest"), age(status.oldest_waiting_s)],
      [t("node.perMinute"), fixed(status.films_per_minute, 1)],
      [t("node.disk"), `${fixed(status.disk_bytes / GIB, 2)} GiB`],
    ]),
    table(t("node.verdicts"), [], Object.entries(verdicts).sort().map(([label, count]) => [nameOf(label), number(count)])),
    table(
      t("node.destinations"),
      [t("node.waiting"), t("node.oldestResult"), t("node.delivered"), t("node.givenUp")],
      Object.entries(destinations).map(([name, each]) => [
        each.configured ? name : t("node.notConfigured", { name }),
        number(each.waiting),
        age(each.oldest_result_s),
        number(each.delivered),
        number(each.given_up),
      ]),
    ),
    table(
      t("node.sources"),
      [t("node.triedAgain"), t("node.setAside")],
      Object.entries(sources).map(([name, each]) => [name, number(each.tried_again), number(each.set_aside)]),
    ),
  ];
}

function problems(all) {
  if (!all.length) return h("p", { class: "in-order" }, icon("normal"), t("node.noProblem"));
  return h("ul", { class: "problems" }, all.map((problem) => h("li", {}, icon("warning"), sentence(problem))));
}

/** A problem in the reader's language; one of a newer node in the node's own words. */
function sentence({ code, name, count, text }) {
  const key = `node.problems.${code}`;
  return entry(key) ? h("span", {}, t(key, { name, count })) : h("span", { lang: "en" }, text);
}

/** The line about the films that people should look at first; nothing without films. */
function worklist(groups) {
  if (!Object.keys(groups).length) return null;
  const words = GROUPS.map((group) => `${number(groups[group])} ${t(`node.groups.${group}`)}`);
  return h("p", {}, t("node.worklist", { groups: words.join(", ") }));
}

/** A table of which the first column names the rows; nothing without rows. */
function table(title, columns, rows) {
  if (!rows.length) return null;
  const head = h("tr", {}, h("th", { scope: "col" }, title), (columns.length ? columns : [t("node.number")]).map((column) => h("th", { scope: "col" }, column)));
  const lines = rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), values.map((value) => h("td", {}, value))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, h("table", {}, h("thead", {}, head), h("tbody", {}, lines)));
}

const number = (count) => (count ?? 0).toLocaleString(locale());

function age(seconds) {
  if (seconds === null || seconds === undefined) return t("node.none");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
