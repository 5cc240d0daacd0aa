// Tables as CSV: the same as `write_table` of pneumoscope/render/export.py. No DOM.

const FORMULA = /^[=+\-@\t\r]/;
// Where the list separator is a semicolon, a spreadsheet begins a cell behind each one.
const INNER_FORMULA = /(?<=[;\t])(?=[=+\-@])/g;
// What would move or restyle other text, see pneumoscope/render/visible.py; tabs and line ends stay.
const HIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Rows of cells as CSV; no spreadsheet takes a cell for a formula. Null is an empty cell. */
export const csvOf = (rows) => rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");

function quoted(value) {
  const text = typeof value === "string" ? safe(value) : String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function safe(value) {
  const text = value.replace(HIDDEN, escaped).replace(INNER_FORMULA, "'");
  return FORMULA.test(text) ? `'${text}` : text;
}

function escaped(character) {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
