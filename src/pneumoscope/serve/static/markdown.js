// The part of Markdown that model cards use, as elements: headings, paragraphs, lists, tables,
// bold, code and links (which are shown, not followed: the page stays on its own origin).

import { h } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|`(.+?)`|\[(.+?)\]\((.+?)\)/g;

function inline(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(from, match.index));
    if (match[1]) found.push(h("strong", {}, inline(match[1])));
    else if (match[2]) found.push(h("code", {}, match[2]));
    else found.push(match[3]);
    from = match.index + match[0].length;
  }
  return [...found, text.slice(from)];
}

/** Elements of a Markdown text; its headings begin at <h3>. */
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
  // Wide tables scroll by themselves, by keyboard too.
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
