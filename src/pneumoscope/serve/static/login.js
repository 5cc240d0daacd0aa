// The sign-in page of a server with accounts.

import { button, fill, h, icon } from "./dom.js";
import { HttpBackend } from "./http.js";
import { applyTheme } from "./preferences.js";
import { loadTexts, t } from "./texts.js";
import { sentence } from "./sentences.js";

const PAGE = "./"; // seen from the sign-in page

const backend = new HttpBackend();
applyTheme();
await loadTexts();
document.title = `${t("login.title")} · ${t("brand")}`;

const problem = h("p", { class: "error-text", role: "alert" });
const name = h("input", { id: "name", name: "username", autocomplete: "username", required: true, autofocus: true });
const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
const code = h("input", { id: "code", name: "code", autocomplete: "one-time-code", inputmode: "numeric" });
const codeField = h("div", { class: "field", hidden: true }, h("label", { for: "code" }, t("login.code")), code);
const send = button("", t("login.in"), null, { type: "submit", class: "primary large" });

async function signIn(event) {
  event.preventDefault();
  send.disabled = true;
  problem.textContent = "";
  try {
    await backend.signIn(name.value, password.value, code.value || undefined);
    location.assign(PAGE);
  } catch (error) {
    problem.textContent = [sentence(error.detail || error.title || t("login.failed")), error.hint].filter(Boolean).join(" ");
    if (error.code === "SecondFactorNeeded") {
      codeField.hidden = false;
      code.value = "";
      code.focus();
    } else {
      password.value = "";
      password.focus();
    }
  } finally {
    send.disabled = false;
  }
}

fill(
  document.getElementById("main"),
  h(
    "form",
    { class: "login-form", onsubmit: signIn },
    h("div", { class: "logo" }, icon("lungs")),
    h("h1", {}, t("brand")),
    h("div", { class: "field" }, h("label", { for: "name" }, t("login.name")), name),
    h("div", { class: "field" }, h("label", { for: "password" }, t("login.password")), password),
    codeField,
    problem,
    send,
  ),
);
fill(document.getElementById("notice"), icon("warning"), h("span", {}, t("notice")));
name.focus();

// A server without accounts has no use for this page.
const user = await backend.user().catch(() => null);
if (user && !user.accounts) location.replace(PAGE);
