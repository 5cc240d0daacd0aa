// Numbers and times as the reader's language writes them. Exports and requests do not use them.

import * as plain from "./numbers.js";
import { locale, t } from "./texts.js";

const local = (text) => text.replace(".", t("decimal"));

/** `numbers.fixed` for readers. */
export const fixed = (x, decimals) => local(plain.fixed(x, decimals));

/** `numbers.general` for readers. */
export const general = (x, precision) => local(plain.general(x, precision));

/** `numbers.thresholdTexts` for readers. */
export const thresholdTexts = (thresholds) => plain.thresholdTexts(thresholds).map(local);

/** A time with its date, of ISO 8601. */
export const dateTime = (iso) => new Date(iso).toLocaleString(locale());

/** The same without seconds. */
export const moment = (iso) => new Date(iso).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });

/** A date, of ISO 8601. */
export const day = (iso) => new Date(iso).toLocaleDateString(locale());
