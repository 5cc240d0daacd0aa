// How well a reader's calls agree with the verdicts, and with the truth where a table gives it. No DOM.

const NAME_COLUMNS = ["film", "file", "filename", "name", "image", "source", "path"];
const TRUTH_COLUMNS = ["truth", "label", "class", "diagnosis", "finding"];
const HEALTHY = ["normal", "healthy", "negative", "no finding", "no_finding", "no", "0", "false"];

/**
 * The call that agrees with a verdict, of the three that a reader can make: "normal", "positive", or "unsure" if
 * the verdict names no class.
 */
export function callOf(label) {
  if (label === "NORMAL") return "normal";
  return ["UNDETERMINED", "REFUSED"].includes(label) ? "unsure" : "positive";
}

/**
 * Cohen's kappa of two readers over the films for which both named a class.
 *
 * @param {[string, string][]} pairs  Calls of both for each film.
 * @returns {{films: number, left: number, agreed: number, kappa: number|null}}  `films` on which both named a
 *   class, `left` on which one of them did not, `agreed` of the first. Kappa is null without such films, and if
 *   both always named the same class: chance alone then explains the agreement.
 */
export function agreement(pairs) {
  const both = pairs.filter((pair) => !pair.includes("unsure"));
  const films = both.length;
  const agreed = both.filter(([a, b]) => a === b).length;
  const left = pairs.length - films;
  if (!films) return { films, left, agreed, kappa: null };
  const share = (side) => both.filter((pair) => pair[side] === "positive").length / films;
  const chance = share(0) * share(1) + (1 - share(0)) * (1 - share(1));
  const kappa = chance === 1 ? null : (agreed / films - chance) / (1 - chance);
  return { films, left, agreed, kappa };
}

/**
 * Sensitivity and specificity of calls. "Unsure" counts as wrong: such a film was not recognised.
 *
 * @param {{call: string, truth: string}[]} films  `truth` is "normal" or "positive".
 * @returns {{sensitivity: {right: number, of: number}, specificity: {right: number, of: number}}}
 */
export function accuracy(films) {
  const rate = (truth) => {
    const known = films.filter((film) => film.truth === truth);
    return { right: known.filter(({ call }) => call === truth).length, of: known.length };
  };
  return { sensitivity: rate("positive"), specificity: rate("normal") };
}

/**
 * The truth about films, from a table with a header: a column such as `film` and one such as `label`,
 * separated by commas, semicolons or tabs.
 *
 * @returns {Map<string, string>|null}  "normal" or "positive" by the film's name in small letters; null if there
 *   are no such columns. Films without a label are left out.
 */
export function truthOf(text) {
  const [header, ...rows] = tableOf(text);
  if (!header) return null;
  const names = header.map((name) => name.trim().toLowerCase());
  const column = (wanted) => wanted.map((name) => names.indexOf(name)).find((index) => index >= 0);
  const [film, truth] = [column(NAME_COLUMNS), column(TRUTH_COLUMNS)];
  if (film === undefined || truth === undefined) return null;
  const labelled = rows.filter((row) => row[film]?.trim() && row[truth]?.trim());
  return new Map(labelled.map((row) => [nameOf(row[film]), truthOfLabel(row[truth])]));
}

/** A film's name as tables of the truth are searched by: without folders, in small letters. */
export function nameOf(path) {
  return path.trim().split(/[\\/]/).at(-1).toLowerCase();
}

function truthOfLabel(label) {
  return HEALTHY.includes(label.trim().toLowerCase()) ? "normal" : "positive";
}

/** Rows of cells, as RFC 4180 has them, with whichever separator the header has. */
function tableOf(text) {
  const plain = text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
  const [header = ""] = plain.split("\n", 1);
  const separator = [";", "\t", ","].find((candidate) => header.includes(candidate)) ?? ",";
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < plain.length; i += 1) {
    const letter = plain[i];
    const row = rows.at(-1);
    if (letter === '"' && quoted && plain[i + 1] === '"') {
      row[row.length - 1] += letter; // a doubled quote stands for one
      i += 1;
    } else if (letter === '"') quoted = !quoted;
    else if (letter === separator && !quoted) row.push("");
    else if (letter === "\n" && !quoted) rows.push([""]);
    else row[row.length - 1] += letter;
  }
  return rows.filter((row) => row.some((cell) => cell.trim()));
}
