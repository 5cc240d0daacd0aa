// Turns the Markdown of model cards into elements: headings, paragraphs, lists, tables, bold text and
// code. Of a link only the text is shown: the page links to no other site.

import { h } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|`(.+?)`|\[(.+?)\]\((.+?)\)/g;

function inline(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(from, match.index));
    if (match[1]) parts.push(h("strong", {}, inline(match[1])));
    else if (match[2]) parts.push(h("code", {}, match[2]));
    else parts.push(match[3]);
    from = match.index + match[0].length;
  }
  return [...parts, text.slice(from)];
}

/** The elements of a Markdown text; `#` becomes <h2> and so on. */
export function markdown(text) {
  const blocks = text.replace(/\r/g, "").split(/\n{2,}/);
  return blocks.flatMap((block) => blockOf(block.replace(/^\n+|\n+$/g, "").split("\n")));
}

function blockOf(lines) {
  const [first] = lines;
  if (!first) return [];
  const heading = /^(#{1,4}) (.*)/.exec(first);
  if (heading) {
    const level = Math.min(heading[1].length + 1, 5);
    return [h(`h${level}`, {}, inline(heading[2])), ...blockOf(lines.slice(1))];
  }
  if (first.startsWith("```")) {
    return [h("pre", { tabindex: 0 }, lines.filter((line) => !line.startsWith("```")).join("\n"))];
  }
  if (first.startsWith("|")) return [table(lines)];
  if (/^[-*] /.test(first)) {
    const items = lines.join("\n").split(/\n(?=[-*] )/);
    return [h("ul", {}, items.map((item) => h("li", {}, inline(item.replace(/^[-*] /, "").replace(/\n\s*/g, " ")))))];
  }
  return [h("p", {}, inline(lines.join(" ")))];
}

function table(lines) {
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const [head, , ...rows] = lines;
  // Only a wide table scrolls, not the page; it can have the focus, so that keys scroll it too.
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": cells(head).filter(Boolean).join(", ") || "-" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, cells(head).map((cell) => h("th", { scope: "col" }, inline(cell))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, inline(cell)))))),
    ),
  );
}
