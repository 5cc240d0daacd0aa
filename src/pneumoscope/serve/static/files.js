// Files that are chosen, dropped on the page or pasted; of a folder its films, of anything else all files.

import { filmsAmong, isSystemFolder } from "./film-files.js";

/** The files of a drop. The entries must be read before the first await. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const each = entries.map(async (entry) => (entry?.isDirectory ? filmsAmong(await filesOf(entry)) : filesOf(entry)));
  return (await Promise.all(each)).flat();
}

/** The files of an entry: itself, or those of a folder without hidden ones and those of a system. */
async function filesOf(entry) {
  if (!entry) return [];
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const files = [];
  // A reader returns a folder in portions; the last one is empty.
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) return files;
    for (const inner of portion) {
      const isLeftOut = inner.isDirectory ? isSystemFolder(inner.name) : inner.name.startsWith(".");
      if (!isLeftOut) files.push(...(await filesOf(inner)));
    }
  }
}

/** The files of an input, without hidden ones and those in folders that are hidden or a system's; of a folder its films. */
export async function chosenFiles(files) {
  const visible = files.filter((file) => {
    const [chosen, ...folders] = (file.webkitRelativePath || file.name).split("/");
    const name = folders.pop() ?? chosen;
    return ![chosen, name].some((part) => part.startsWith(".")) && !folders.some(isSystemFolder);
  });
  return visible.some((file) => file.webkitRelativePath) ? filmsAmong(visible) : visible;
}

/** Listens for drops and pastes anywhere on the page: onFiles(files); onHover(true) while files are dragged over it. */
export function listenForFiles({ onFiles, onHover }) {
  let depth = 0; // of nested elements that the pointer has entered
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const hover = (change) => {
    depth = Math.max(0, depth + change);
    onHover(depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && hover(1));
  addEventListener("dragleave", (event) => hasFiles(event) && hover(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hover(-depth);
    onFiles(await droppedFiles(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) onFiles(files);
  });
}
