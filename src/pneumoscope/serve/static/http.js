// The back end that is a pneumoscope server (`Backend` in backend.js): the only module that sends
// requests and knows the server's addresses.

import { Problem } from "./backend.js";
import { h } from "./dom.js";
import { language, t } from "./texts.js";

// This module is served from <root>/static/, wherever a proxy puts the root.
const ROOT = new URL("../", import.meta.url);
const API = new URL("api/v1/", ROOT);
const SIGN_IN = new URL("login", ROOT);

const LISTEN_AGAIN_S = 2; // after the server closed an event stream before its job had ended
const PICTURES = { film: "film.png", heatmap: "heatmap.png", cells: "heatmap-cells.png", lungs: "lungs.png", thumbnail: "thumbnail.png" };
const RENDERINGS = { overlay: "overlay.png", pdf: "report.pdf", json: "result.json" };
const OBJECTS = ["sr", "sc", "seg", "fhir"]; // of DICOM films, if the server has the libraries for them
for (const kind of OBJECTS) RENDERINGS[kind] = `objects/${kind}`;

/** @typedef {import("./backend.js").Backend} Backend */

/** @implements {Backend} */
export class HttpBackend {
  knowsPatients = true;
  formats = { film: ["overlay", "pdf", "json", "csv", ...OBJECTS], films: ["csv", "json", "pdf", "zip"] };

  settings(bundle) {
    return request(`settings${ofBundle(bundle)}`);
  }

  user() {
    return request("me");
  }

  model(bundle) {
    return request(`model${ofBundle(bundle)}`);
  }

  /** Opens a session; not part of the interface, since only a server has a sign-in page. */
  async signIn(name, password, code) {
    await request("session", { method: "POST", json: { name, password, code } });
  }

  account() {
    return request("account");
  }

  node() {
    return request("node");
  }

  async changePassword(current, wanted, code) {
    await request("account/password", { method: "POST", json: { current, new: wanted, code } });
  }

  async endSession(id, current, code) {
    await request(`account/sessions/${id}/end`, { method: "POST", json: { current, code } });
  }

  async endSessions(current, code) {
    await request("account/sessions/end", { method: "POST", json: { current, code } });
  }

  async signOut() {
    await request("session", { method: "DELETE" }).catch(() => {});
    location.assign(SIGN_IN);
  }

  read(file, settings, listener) {
    const controller = new AbortController();
    return { ended: readFile(file, settings, listener, controller.signal), cancel: () => controller.abort() };
  }

  async sample(name) {
    const address = new URL(`samples/${encodeURIComponent(name)}`, import.meta.url);
    const response = await fetch(address).catch(() => null);
    if (!response) throw offline();
    if (!response.ok) throw problemOf(response.status, "");
    return new File([await response.blob()], name, { type: response.headers.get("Content-Type") ?? "" });
  }

  async list({ limit, label, before, patientOf }) {
    const query = new URLSearchParams({ limit });
    if (label) query.set("label", label);
    if (before) query.set("before", before);
    if (patientOf) query.set("patient_of", patientOf);
    return (await request(`predictions?${query}`)).predictions;
  }

  async picture(id, kind) {
    const image = new Image();
    image.src = filmAddress(id, PICTURES[kind]);
    await image.decode();
    return image;
  }

  async values(id) {
    const response = await fetch(filmAddress(id, "values.bin")).catch(() => null);
    if (!response) throw offline();
    if (!response.ok) throw refused(response.status, await response.text());
    return unpacked(await response.arrayBuffer());
  }

  offers(record, format) {
    return !OBJECTS.includes(format) || format in record.links;
  }

  async send(id, destination) {
    await request(`predictions/${encodeURIComponent(id)}/destinations/${encodeURIComponent(destination)}`, { method: "POST" });
  }

  async downloadFilm(id, format) {
    save(format in RENDERINGS ? inLanguage(filmAddress(id, RENDERINGS[format])) : exportAddress([id], format));
  }

  async downloadFilms(ids, format) {
    save(exportAddress(ids, format));
  }

  async delete(id) {
    await request(`predictions/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  async deleteAll() {
    return (await request("predictions", { method: "DELETE" })).deleted;
  }
}

/** `FilmValues` as the server sends them: the length of a head in JSON, the head, and values that zlib packed. */
async function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const stream = new Blob([buffer.slice(4 + length)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  // Every browser in use runs on machines that store numbers as the server sends them, the lowest byte first.
  return { ...head, values: new Uint16Array(bytes) };
}

function ofBundle(name) {
  return name ? `?bundle=${encodeURIComponent(name)}` : "";
}

function filmAddress(id, file) {
  return new URL(`predictions/${encodeURIComponent(id)}/${file}`, API).href;
}

function exportAddress(ids, format) {
  return inLanguage(new URL(`predictions/export?format=${format}&ids=${ids.join(",")}`, API));
}

/** An address in the page's language, for links and event streams: they cannot send the header. */
function inLanguage(href) {
  const address = new URL(href);
  address.searchParams.set("language", language());
  return address.href;
}

/** Has the browser save a file of the server. */
function save(href) {
  h("a", { href, download: "" }).click();
}

/** Sends a request and returns its JSON, or null if the answer is empty; throws a Problem. */
async function request(path, { method = "GET", json } = {}) {
  let response;
  let text;
  try {
    response = await fetch(new URL(path, API), {
      method,
      headers: { "Accept-Language": language(), ...(json && { "Content-Type": "application/json" }) },
      body: json ? JSON.stringify(json) : undefined,
      credentials: "same-origin",
    });
    text = await response.text();
  } catch {
    throw offline();
  }
  if (!response.ok) throw refused(response.status, text, response.headers.get("Retry-After"));
  return text ? parsed(text, response.status) : null;
}

/** The Problem of an answer with an error status; without a session the sign-in page opens. */
function refused(status, text, retryAfter) {
  const problem = problemOf(status, text, retryAfter);
  if (status === 401 && problem.code !== "SecondFactorNeeded" && location.pathname !== SIGN_IN.pathname) location.assign(SIGN_IN);
  return problem;
}

/** An answer as a Problem: RFC 9457 JSON, or whatever a proxy sent. */
function problemOf(status, text, retryAfter = 0) {
  let content = {};
  try {
    content = JSON.parse(text);
  } catch {
    // Not every proxy answers in JSON.
  }
  return new Problem({
    title: content.title ?? t("problems.status", { status }),
    detail: content.detail,
    hint: content.hint,
    code: content.code,
    status,
    retryAfter: Number(retryAfter) || 0,
  });
}

/** JSON, or a Problem: a proxy may have answered in place of the server. */
function parsed(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    throw problemOf(status, text);
  }
}

function offline() {
  return new Problem({ title: t("problems.offline"), detail: t("problems.offlineDetail"), hint: t("problems.offlineHint") });
}

async function readFile(file, settings, listener, signal) {
  const answer = await upload(file, settings, listener.sent, signal);
  signal.throwIfAborted();
  if (!answer.job) {
    const { predictions } = answer;
    const counts = { done: predictions.length, total: predictions.length };
    for (const record of predictions) listener.film(record, counts);
    return counts;
  }
  const { id, done, total } = answer.job;
  // Films that have not begun are dropped; nobody waits for the answer.
  signal.addEventListener("abort", () => request(`jobs/${id}`, { method: "DELETE" }).catch(() => {}));
  listener.accepted({ done, total });
  return followJob(id, listener, signal);
}

/** Uploads one file; with XMLHttpRequest, because fetch does not report the progress of an upload. */
function upload(file, settings, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(settings)) {
    if (value !== null && value !== undefined && value !== "") form.append(name, String(value));
  }
  form.append("files", file, file.name);
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && !signal.aborted) onProgress(event.loaded / event.total);
    });
    call.addEventListener("load", () => {
      const { status, responseText } = call;
      const ok = status >= 200 && status < 300;
      // An error thrown in a listener would be lost.
      if (ok) resolve(new Promise((settle) => settle(parsed(responseText, status))));
      else reject(refused(status, responseText, call.getResponseHeader("Retry-After")));
    });
    call.addEventListener("error", () => reject(offline()));
    signal.addEventListener("abort", () => {
      call.abort();
      reject(signal.reason);
    });
    call.open("POST", new URL("predictions", API));
    call.setRequestHeader("Accept-Language", language());
    call.send(form);
  });
}

/** Follows a job until it has ended, however often the server closes the event stream. */
async function followJob(id, listener, signal) {
  const known = new Set();
  const take = (record, done, total) => {
    if (known.has(record.id) || signal.aborted) return;
    known.add(record.id);
    listener.film(record, { done, total });
  };
  for (;;) {
    await listen(id, take, signal);
    signal.throwIfAborted();
    let seconds = LISTEN_AGAIN_S;
    try {
      const { state, done, total, predictions } = await request(`jobs/${id}`);
      signal.throwIfAborted();
      if (state === "done") {
        // Films that ended between two streams.
        for (const record of predictions) take(record, done, total);
        return { done, total };
      }
    } catch (error) {
      // Too many requests are no reason to send the film again.
      if (error.status !== 429) throw error;
      seconds = Math.max(seconds, error.retryAfter);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    signal.throwIfAborted();
  }
}

/** Listens to a job's events until it ends, the server closes the stream or `signal` aborts. */
function listen(id, onRecord, signal) {
  const source = new EventSource(inLanguage(new URL(`jobs/${id}/events`, API)));
  return new Promise((resolve) => {
    const close = () => {
      source.close();
      resolve();
    };
    source.addEventListener("progress", (event) => {
      const { record, done, total } = JSON.parse(event.data);
      onRecord(record, done, total);
    });
    source.addEventListener("end", close);
    source.addEventListener("error", () => {
      // The browser reconnects by itself unless the server answered with an error.
      if (source.readyState === EventSource.CLOSED) resolve();
    });
    signal.addEventListener("abort", close);
  });
}
