// The page: puts its parts together and listens to keys.

import { announce, button, fill, h, icon, toast } from "./dom.js";
import { openAbout } from "./about.js";
import { Compare } from "./compare.js";
import { Downloads } from "./downloads.js";
import { listenForFiles } from "./files.js";
import { openHelp } from "./help.js";
import { History } from "./history.js";
import { Pictures } from "./pictures.js";
import { applyTheme, preferences } from "./preferences.js";
import { Reading } from "./reading.js";
import { openSettings } from "./settings.js";
import { loadTexts, t } from "./texts.js";
import { Worklist } from "./worklist.js";

const PARTS = ["read", "history", "compare"];
const ICONS = { read: "read", history: "history", compare: "compare" };

class Page {
  server = {};
  user = {};

  /** backend: a `Backend`, see backend.js. */
  constructor(backend) {
    this.backend = backend;
    this.pictures = new Pictures(backend);
    this.downloads = new Downloads(backend);
    this.worklist = new Worklist(backend);
  }

  async start() {
    await loadTexts();
    this.input = h("input", { type: "file", multiple: true, hidden: true, id: "files", "aria-label": t("list.add"), onchange: () => this.#picked() });
    document.body.append(this.input);
    const { backend, pictures, downloads } = this;
    this.parts = {
      read: new Reading(this.worklist, { pictures, downloads, pick: () => this.input.click() }),
      history: new History({
        backend,
        pictures,
        downloads,
        open: (record) => this.#open(record),
        compare: (records) => this.#compare(records),
        forgotten: (ids) => this.worklist.forget(ids),
      }),
      compare: new Compare({ backend, pictures }),
    };
    this.#build();
    listenForFiles({ onFiles: (files) => this.#add(files), onHover: (over) => document.body.classList.toggle("hovered", over) });
    addEventListener("keydown", (event) => this.#key(event));
    addEventListener("hashchange", () => this.#show());
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", applyTheme);
    preferences.addEventListener("change", () => this.#preferred());
    // Leaving would lose films that are still on their way.
    addEventListener("beforeunload", (event) => {
      if (this.worklist.rows.some((row) => row.active)) event.preventDefault();
    });
    this.#preferred();
    this.#show();
    await this.#greet();
    this.worklist.begin();
    document.body.dataset.ready = "true";
  }

  #build() {
    this.tabs = PARTS.map((part) => h("a", { href: `#${part}`, class: "tab", dataset: { part } }, icon(ICONS[part]), h("span", {}, t(`parts.${part}`))));
    this.theme = button("theme", t("common.theme"), () => this.#turnTheme(), { quiet: true, key: "T" });
    this.account = h("div", { class: "account" });
    this.model = h("button", { type: "button", class: "model", onclick: () => this.#about(), title: t("about.title") });
    fill(document.getElementById("brand"), icon("lungs"), h("span", {}, t("brand")));
    fill(document.getElementById("tabs"), this.tabs);
    fill(
      document.getElementById("controls"),
      this.theme,
      button("settings", t("settings.title"), () => this.#settings(), { quiet: true, key: "S" }),
      button("about", t("about.title"), () => this.#about(), { quiet: true, key: "A" }),
      button("help", t("help.title"), openHelp, { quiet: true, key: "?" }),
      this.account,
    );
    fill(document.getElementById("notice"), icon("warning"), h("span", {}, t("notice.short")), h("span", { class: "grow" }), this.model);
    const skip = document.getElementById("skip");
    skip.textContent = t("common.skip");
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("main").focus();
    });
    document.getElementById("tabs").setAttribute("aria-label", t("parts.label"));
    fill(document.getElementById("main"), PARTS.map((part) => this.parts[part].element));
    fill(document.getElementById("curtain"), h("div", {}, icon("upload"), h("strong", {}, t("welcome.drop")), h("span", {}, t("welcome.formats"))));
  }

  async #greet() {
    try {
      [this.server, this.user] = await Promise.all([this.backend.settings(), this.backend.user()]);
      this.worklist.mostBytes = this.server.limits?.max_body_bytes ?? Infinity;
      this.downloads.mostDrawn = this.server.limits?.drawn_films ?? Infinity;
      if (preferences.keepTo(this.server)) toast(t("settings.gone"), t("settings.goneHint"), "error");
      const model = await this.backend.model();
      fill(this.model, h("span", {}, model.bundle), h("code", {}, model.bundle_sha256.slice(0, 12)));
      this.parts.history.use(model.positive);
      document.body.dataset.role = this.user.role;
      if (this.user.accounts) {
        fill(this.account, h("span", { class: "user" }, icon("user"), this.user.name), button("exit", t("login.out"), () => this.backend.signOut(), { quiet: true }));
      }
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  }

  #picked() {
    this.#add([...this.input.files]);
    this.input.value = "";
  }

  #add(files) {
    if (!files.length) return;
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

  #compare(records) {
    this.wanted = records;
    location.hash = "compare";
  }

  get part() {
    const asked = location.hash.slice(1);
    return PARTS.includes(asked) ? asked : "read";
  }

  #show() {
    const { part } = this;
    for (const name of PARTS) this.parts[name].element.hidden = name !== part;
    for (const tab of this.tabs) {
      if (tab.dataset.part === part) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    document.title = part === "read" ? t("brand") : `${t(`parts.${part}`)} · ${t("brand")}`;
    if (part === "history") this.parts.history.load();
    if (part === "compare") this.parts.compare.open(this.wanted);
    this.wanted = undefined;
  }

  #preferred() {
    applyTheme();
    const light = document.documentElement.dataset.theme === "light";
    this.theme.replaceChild(icon(light ? "theme" : "sun"), this.theme.firstChild);
  }

  #turnTheme() {
    preferences.set({ theme: document.documentElement.dataset.theme === "light" ? "dark" : "light" });
  }

  #about() {
    openAbout(this.backend);
  }

  #settings() {
    openSettings(this.server);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    if (event.target.matches("input:not([type=checkbox], [type=range]), select, textarea")) return;
    // Space presses what is focused, arrows move what is focused.
    if (event.key === " " && event.target.matches("button, a, summary, input")) return;
    if (event.key !== "?" && !preferences.get("keys")) return;
    const actions = {
      "?": openHelp,
      o: () => this.input.click(),
      s: () => this.#settings(),
      a: () => this.#about(),
      t: () => this.#turnTheme(),
      1: () => (location.hash = "read"),
      2: () => (location.hash = "history"),
      3: () => (location.hash = "compare"),
    };
    const action = actions[event.key.toLowerCase()];
    action?.();
    if (action || this.parts[this.part].key?.(event)) event.preventDefault();
  }
}

/** Builds the page over a back end and starts it. */
export function startPage(backend) {
  return new Page(backend).start();
}
