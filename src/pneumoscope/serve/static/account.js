// The dialog "Your account": one's own password, and the open sessions.

import { announce, button, fill, h, icon, toast } from "./dom.js";
import { openDialog } from "./dialog.js";
import { day, moment } from "./locale.js";
import { sentence } from "./sentences.js";
import { t } from "./texts.js";

/** The name of the user, which opens the dialog, and a reminder if the first password is to be replaced. */
export function accountButton(backend, user) {
  remind(backend);
  return h("button", { type: "button", class: "user", title: t("account.title"), onclick: () => openAccount(backend) }, icon("user"), user.name);
}

async function remind(backend) {
  const { first_password_until: until } = await backend.account().catch(() => ({}));
  if (until) toast(t("account.first"), t("account.firstHint", { date: day(until) }));
}

async function openAccount(backend) {
  const sessions = h("div", { class: "sessions" });
  const content = h("div", { class: "own-account" }, passwordForm(backend, () => draw()), h("section", {}, h("h3", {}, t("account.sessions")), sessions));
  const draw = async () => {
    try {
      const account = await backend.account();
      fill(sessions, list(backend, account.sessions, draw));
    } catch (problem) {
      toast(problem.title, problem.hint, "error");
    }
  };
  await draw();
  openDialog(t("account.title"), content);
}

function field(id, label, autocomplete, more = {}) {
  const input = h("input", { id, type: "password", autocomplete, required: true, ...more });
  return [input, h("div", { class: "field" }, h("label", { for: id }, label), input)];
}

/** A field for the code of the second factor, hidden until the server asks for it. */
function codeOf(id) {
  const [code, codeField] = field(id, t("login.code"), "one-time-code", { required: false, type: "text", inputmode: "numeric" });
  codeField.hidden = true;
  return [code, codeField];
}

/** Says what is wrong, and shows the field of the code if it is needed. */
function refuse(error, problem, codeField) {
  codeField.hidden &&= error.code !== "SecondFactorNeeded";
  problem.textContent = [sentence(error.detail || error.title), error.hint].filter(Boolean).join(" ");
}

function passwordForm(backend, changed) {
  const [current, currentField] = field("current-password", t("account.current"), "current-password");
  const [wanted, wantedField] = field("new-password", t("account.new"), "new-password", { minlength: 15, "aria-describedby": "new-password-note" });
  const [again, againField] = field("new-password-again", t("account.again"), "new-password");
  const [code, codeField] = codeOf("account-code");
  const problem = h("p", { class: "error-text", role: "alert" });
  const send = button("", t("account.change"), null, { type: "submit", class: "primary" });
  const submit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    if (wanted.value !== again.value) {
      problem.textContent = t("account.differ");
      again.focus();
      return;
    }
    send.disabled = true;
    try {
      await backend.changePassword(current.value, wanted.value, code.value || undefined);
      for (const input of [current, wanted, again, code]) input.value = "";
      announce(t("account.changed"));
      toast(t("account.changed"), t("account.changedHint"));
      await changed();
    } catch (error) {
      refuse(error, problem, codeField);
    } finally {
      send.disabled = false;
    }
  };
  return h(
    "form",
    { onsubmit: submit },
    h("h3", {}, t("account.password")),
    currentField,
    wantedField,
    h("p", { class: "secondary", id: "new-password-note" }, t("account.rules")),
    againField,
    codeField,
    problem,
    send,
  );
}

function list(backend, sessions, draw) {
  const [password, passwordField] = field("session-password", t("account.confirm"), "current-password");
  const [code, codeField] = codeOf("session-code");
  const problem = h("p", { class: "error-text", role: "alert" });
  const end = (ending) => async () => {
    if (!password.value) {
      password.focus();
      return;
    }
    problem.textContent = "";
    try {
      await ending(password.value, code.value || undefined);
    } catch (error) {
      refuse(error, problem, codeField);
      return;
    }
    await draw();
  };
  const rows = sessions.map(({ id, created, seen, current }) =>
    h(
      "li",
      {},
      h("span", {}, t(current ? "account.here" : "account.session", { created: moment(created), seen: moment(seen) })),
      !current && button("exit", t("account.end", { created: moment(created) }), end((...confirmation) => backend.endSession(id, ...confirmation)), { iconOnly: true }),
    ),
  );
  const others = sessions.some(({ current }) => !current);
  const ending = others && [
    passwordField,
    codeField,
    problem,
    button("exit", t("account.endAll"), end((...confirmation) => backend.endSessions(...confirmation)), { class: "danger" }),
  ];
  return [h("ul", {}, rows), ending];
}
