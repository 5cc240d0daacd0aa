// Several films as one file.

import { exportAddress } from "/static/api.js";
import { download, h } from "/static/dom.js";
import { t } from "/static/texts.js";

/** Films of one file that has pictures in it; the server says how many. */
export const limits = { drawn: 100 };

/** The items of a menu for films with these ids. */
export function exportItems(ids) {
  const items = [download(exportAddress("csv", ids), t("download.csvAll")), download(exportAddress("json", ids), t("download.jsonAll"))];
  if (ids.length > limits.drawn) return [...items, h("p", { class: "item none" }, t("download.tooMany", { most: limits.drawn }))];
  return [...items, download(exportAddress("pdf", ids), t("download.pdfAll")), download(exportAddress("zip", ids), t("download.zipAll"))];
}
