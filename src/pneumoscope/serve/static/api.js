// The one place that talks to the server, always to the same origin.

import { t } from "/static/texts.js";

const ROOT = "/api/v1";

/** An error with a title, a detail and a hint for people: RFC 9457 problem JSON, or the network. */
export class Problem extends Error {
  constructor({ title, detail, hint, status = 0, code = "", retryAfter = 0 }) {
    super(detail || title);
    Object.assign(this, { title, detail, hint, status, code, retryAfter });
  }
}

/** What `fetch` or an XMLHttpRequest brought, as a Problem. */
function problemOf(status, text, retryAfter = 0) {
  let content = {};
  try {
    content = JSON.parse(text);
  } catch {
    // Not every proxy in between speaks JSON.
  }
  return new Problem({
    title: content.title ?? t("problems.status", { status }),
    detail: content.detail ?? "",
    hint: content.hint ?? "",
    code: content.code ?? "",
    status,
    retryAfter: Number(retryAfter) || 0,
  });
}

function offline() {
  return new Problem({ title: t("problems.offline"), detail: t("problems.offlineDetail"), hint: t("problems.offlineHint") });
}

/** Sends a request and returns its JSON, or null if there is none; throws a Problem. */
export async function request(path, { method = "GET", json } = {}) {
  let response;
  let text;
  try {
    response = await fetch(path.startsWith("/") ? path : `${ROOT}/${path}`, {
      method,
      headers: json ? { "Content-Type": "application/json" } : {},
      body: json ? JSON.stringify(json) : undefined,
      credentials: "same-origin",
    });
    text = await response.text();
  } catch {
    throw offline();
  }
  if (!response.ok) {
    if (response.status === 401) toLogin();
    throw problemOf(response.status, text, response.headers.get("Retry-After"));
  }
  return text ? parsed(text, response.status) : null;
}

/** JSON, or a Problem: something in between may answer in the server's name. */
function parsed(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    throw problemOf(status, text);
  }
}

function toLogin() {
  if (location.pathname !== "/login") location.assign("/login");
}

/**
 * Uploads one file; XMLHttpRequest because fetch tells no progress of what it sends.
 * Returns {done: Promise of the response, abort}.
 */
export function upload(file, fields, onProgress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined && value !== "") form.append(name, String(value));
  }
  form.append("files", file, file.name);
  const call = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    call.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    call.addEventListener("load", () => {
      if (call.status >= 200 && call.status < 300) {
        // An error within an executor rejects; one within a listener would be lost.
        return resolve(new Promise((told) => told(parsed(call.responseText, call.status))));
      }
      if (call.status === 401) toLogin();
      return reject(problemOf(call.status, call.responseText, call.getResponseHeader("Retry-After")));
    });
    call.addEventListener("error", () => reject(offline()));
    call.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });
  call.open("POST", `${ROOT}/predictions`);
  call.send(form);
  return { done, abort: () => call.abort() };
}

/**
 * Follows a job: onRecord(record, done, total) for every film. Returns {over: Promise, close};
 * `over` comes when the job has ended, or when the server turned the listener away.
 */
export function follow(job, onRecord) {
  const source = new EventSource(job.links.events);
  const over = new Promise((resolve) => {
    source.addEventListener("progress", (event) => {
      const { record, done: count, total } = JSON.parse(event.data);
      onRecord(record, count, total);
    });
    source.addEventListener("end", () => {
      source.close();
      resolve();
    });
    source.addEventListener("error", () => {
      // The browser reconnects by itself unless the server answered with an error.
      if (source.readyState === EventSource.CLOSED) resolve();
    });
  });
  return { over, close: () => source.close() };
}

/** The address of an export of several films. */
export function exportAddress(format, ids) {
  return `${ROOT}/predictions/export?format=${format}&ids=${ids.join(",")}`;
}

/** The address of a rendering of one film, such as "overlay.png". */
export function rendering(record, file) {
  return `${ROOT}/predictions/${encodeURIComponent(record.id)}/${file}`;
}
