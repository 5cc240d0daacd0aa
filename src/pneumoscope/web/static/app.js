// The page without a server: films are judged on this device.

import { announce, toast } from "./dom.js";
import { inLanguage } from "./judge.js";
import { LocalBackend } from "./local.js";
import { cacheName } from "./offline.js";
import { startPage } from "./page.js";
import { language, t } from "./texts.js";

const ROOT = new URL("../", import.meta.url);

const page = await (await fetch(new URL("./page.json", import.meta.url))).json();
const backend = new LocalBackend(inLanguage(page, language()), cacheName(ROOT, page.version));
backend.begin();
await startPage(backend);
try {
  await backend.ready();
  document.body.dataset.network = "ready";
  // Registered last, so that what it keeps is in the browser's cache already.
  if (navigator.serviceWorker) await navigator.serviceWorker.register(new URL("sw.js", ROOT));
} catch (error) {
  announce(String(error));
  toast(t("problems.offline"), String(error.message ?? error), "error");
}
