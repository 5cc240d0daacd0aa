// The page over a back end: puts its parts together and handles the keys.

import { announce, button, fill, h, icon, toast } from "./dom.js";
import { openAbout } from "./about.js";
import { accountButton } from "./account.js";
import { readAddress, writeAddress } from "./address.js";
import { Bundles } from "./bundles.js";
import { Compare } from "./compare.js";
import { Downloads } from "./downloads.js";
import { chosenFiles, listenForFiles } from "./files.js";
import { openHelp } from "./help.js";
import { actionOf, updateHints } from "./keys.js";
import { History } from "./history.js";
import { nodeButton } from "./node.js";
import { Pictures } from "./pictures.js";
import { applyTheme, preferences } from "./preferences.js";
import { Reading } from "./reading.js";
import { openSettings } from "./settings.js";
import { forgetSitting } from "./sitting.js";
import { language, loadTexts, nameOf, t } from "./texts.js";
import { Worklist } from "./worklist.js";

const TABS = ["read", "history", "compare"]; // also the names of their icons

class Page {
  user = {};
  compared = []; // the films that the Compare tab opens with

  /** backend: a `Backend`, see backend.js. */
  constructor(backend) {
    this.backend = backend;
    this.bundles = new Bundles(backend);
    this.pictures = new Pictures(backend);
    this.downloads = new Downloads(backend);
    this.worklist = new Worklist(backend, this.bundles);
  }

  async start() {
    await loadTexts();
    this.input = h("input", { type: "file", multiple: true, hidden: true, id: "files", "aria-label": t("list.add"), onchange: () => this.#picked(this.input) });
    this.folder = h("input", { type: "file", webkitdirectory: true, hidden: true, id: "folder", "aria-label": t("list.addFolder"), onchange: () => this.#picked(this.folder) });
    document.body.append(this.input, this.folder);
    const { backend, bundles, pictures, downloads } = this;
    this.tabs = {
      read: new Reading(this.worklist, { bundles, pictures, downloads, pick: () => this.input.click(), pickFolder: () => this.folder.click(), sample: (name) => this.#sample(name), compare: (records) => this.#compare(records) }),
      history: new History({
        backend,
        bundles,
        pictures,
        downloads,
        open: (record) => this.#open(record),
        compare: (records) => this.#compare(records),
        hides: (record) => this.worklist.hides(record),
        forget: (ids) => this.worklist.forget(ids),
        viewed: () => this.#updateAddress(),
      }),
      compare: new Compare({ backend, bundles, pictures, hides: (record) => this.worklist.hides(record) }),
    };
    this.#build();
    this.#listen();
    this.#applyPreferences();
    this.#showTab();
    await this.#loadSettings();
    await this.worklist.restore().catch((problem) => toast(problem.title, problem.hint, "error"));
    this.worklist.start();
    document.body.dataset.ready = "true";
  }

  #listen() {
    listenForFiles({ onFiles: (files) => this.#add(files), onHover: (over) => document.body.classList.toggle("dragging-files", over) });
    addEventListener("keydown", (event) => this.#key(event));
    addEventListener("hashchange", () => this.#showTab());
    document.addEventListener("visibilitychange", () => this.#updateStage());
    for (const query of ["(prefers-color-scheme: light)", "print"]) matchMedia(query).addEventListener("change", applyTheme);
    preferences.addEventListener("change", () => this.#applyPreferences());
    this.bundles.addEventListener("change", () => this.#showBundle());
    this.worklist.view.addEventListener("change", () => this.tab === "read" && this.#updateAddress());
    // Leaving the page would lose films that have not been sent yet.
    addEventListener("beforeunload", (event) => {
      if (this.worklist.rows.some((row) => row.active)) event.preventDefault();
    });
  }

  #build() {
    this.tabLinks = TABS.map((tab) => h("a", { href: `#${tab}`, class: "tab", dataset: { tab } }, icon(tab), h("span", {}, t(`tabs.${tab}`))));
    this.theme = button("theme", t("common.theme"), () => this.#toggleTheme(), { iconOnly: true, key: "theme" });
    this.account = h("div", { class: "account" });
    this.model = h("button", { type: "button", class: "model", onclick: () => this.#about(), title: t("about.title") });
    fill(document.getElementById("brand"), icon("lungs"), h("span", {}, t("brand")));
    fill(document.getElementById("tabs"), this.tabLinks);
    fill(
      document.getElementById("controls"),
      this.theme,
      button("settings", t("settings.title"), () => this.#settings(), { iconOnly: true, key: "settings" }),
      button("about", t("about.title"), () => this.#about(), { iconOnly: true, key: "about" }),
      button("help", t("help.title"), openHelp, { iconOnly: true, key: "help" }),
      this.account,
    );
    this.madeFor = h("span", { class: "made-for" });
    fill(document.getElementById("notice"), icon("warning"), h("span", { class: "research" }, t("notice")), this.madeFor, h("span", { class: "spacer" }), this.model);
    const skip = document.getElementById("skip");
    skip.textContent = t("common.skip");
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("main").focus();
    });
    document.getElementById("tabs").setAttribute("aria-label", t("tabs.label"));
    fill(document.getElementById("main"), TABS.map((tab) => this.tabs[tab].element));
    fill(document.getElementById("drop-overlay"), h("div", {}, icon("upload"), h("strong", {}, t("welcome.drop")), h("span", {}, t("welcome.formats"))));
  }

  async #loadSettings() {
    try {
      const [reset, user] = await Promise.all([this.bundles.load(), this.backend.user()]);
      this.user = user;
      const { limits = {}, destinations = [], node = false } = this.bundles.settings;
      this.downloads.destinations = destinations;
      this.worklist.maxBytes = limits.max_body_bytes ?? Infinity;
      this.downloads.maxWithPictures = limits.drawn_films ?? Infinity;
      if (reset) toast(t(`${reset}.unavailable`), t(`${reset}.unavailableHint`), "error");
      document.body.dataset.role = this.user.role;
      if (node && this.user.role === "admin") this.account.before(nodeButton(this.backend));
      if (this.user.accounts) {
        fill(this.account, accountButton(this.backend, this.user), button("exit", t("login.out"), () => this.#signOut(), { iconOnly: true }));
      }
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  #showBundle() {
    const { name, bundle, bundle_sha256: hash } = this.bundles.chosen;
    fill(this.model, h("span", {}, this.bundles.several ? nameOf(name) : bundle), hash && h("code", {}, hash.slice(0, 12)));
    const { sentence, full } = this.bundles.madeFor;
    this.madeFor.textContent = sentence;
    this.madeFor.title = full;
  }

  async #picked(input) {
    const files = [...input.files];
    input.value = "";
    this.#add(await chosenFiles(files));
  }

  async #sample(name) {
    try {
      this.#add([await this.backend.sample(name)]);
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  #add(files) {
    if (!files.length) {
      toast(t("problems.noFilms"), t("problems.noFilmsHint"), "error");
      return;
    }
    if (this.user.role === "viewer") {
      toast(t("problems.viewer"), t("problems.viewerHint"), "error");
      return;
    }
    location.hash = "read";
    this.worklist.add(files);
    announce(t("list.added", { count: files.length }));
  }

  #open(record) {
    this.worklist.open(record);
    location.hash = "read";
  }

  /** Opens films in the comparison, which shows their verdicts: the reader asks for them. */
  #compare(records) {
    for (const row of this.worklist.rows) if (records.some(({ id }) => id === row.record?.id)) this.worklist.reveal(row);
    this.compared = records;
    location.hash = "compare";
  }

  /** The name of the tab in the page's address. */
  get tab() {
    const name = readAddress().tab;
    return TABS.includes(name) ? name : "read";
  }

  /** The view of a tab's list, with `params` and `take`; undefined for the comparison. */
  #viewOf(tab) {
    return { read: this.worklist.view, history: this.tabs.history }[tab];
  }

  /** Takes the view from the address, or else shows the present one in it. */
  #followAddress() {
    const { params } = readAddress();
    const view = this.#viewOf(this.tab);
    if (Object.keys(params).length) view?.take(params);
    this.#updateAddress();
  }

  #updateAddress() {
    writeAddress(this.tab, this.#viewOf(this.tab)?.params ?? {});
  }

  #showTab() {
    this.#followAddress();
    const { tab } = this;
    for (const name of TABS) this.tabs[name].element.hidden = name !== tab;
    this.#updateStage();
    for (const link of this.tabLinks) {
      if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = tab === "read" ? t("brand") : `${t(`tabs.${tab}`)} · ${t("brand")}`;
    if (tab === "history") this.tabs.history.load();
    if (tab === "compare") this.tabs.compare.open(this.compared);
    this.compared = [];
  }

  /** The time until a verdict runs only while the reader can see the film. */
  #updateStage() {
    this.worklist.setOnStage(this.tab === "read" && !document.hidden);
  }

  async #signOut() {
    forgetSitting();
    await this.backend.signOut();
  }

  #applyPreferences() {
    if (language() !== document.documentElement.lang) {
      location.reload(); // every part of the page is built with its texts
      return;
    }
    applyTheme();
    updateHints();
    const light = document.documentElement.dataset.theme === "light";
    this.theme.replaceChild(icon(light ? "theme" : "sun"), this.theme.firstChild);
  }

  #toggleTheme() {
    preferences.set({ theme: document.documentElement.dataset.theme === "light" ? "dark" : "light" });
  }

  #about() {
    openAbout(this.bundles);
  }

  #settings() {
    openSettings(this.bundles);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    if (event.target.matches("input:not([type=checkbox], [type=range]), select, textarea")) return;
    // Space presses the element that has the focus.
    if (event.key === " " && event.target.matches("button, a, summary, input")) return;
    const name = actionOf(event);
    if (name !== "help" && !preferences.get("keys")) return;
    const actions = {
      help: openHelp,
      add: () => this.input.click(),
      settings: () => this.#settings(),
      about: () => this.#about(),
      theme: () => this.#toggleTheme(),
      read: () => (location.hash = "read"),
      history: () => (location.hash = "history"),
      compare: () => (location.hash = "compare"),
    };
    const action = actions[name];
    action?.();
    if (action || this.tabs[this.tab].key?.(event, name)) event.preventDefault();
  }
}

/** Builds the page over a back end and starts it. */
export function startPage(backend) {
  return new Page(backend).start();
}
