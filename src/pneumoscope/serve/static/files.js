// Files from a drop, the clipboard or a dialog; dropped folders with all that is in them.

/** All files of a drop; entries must be asked for before the first await. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = await Promise.all(entries.map((entry) => filesOf(entry)));
  return found.flat();
}

async function filesOf(entry) {
  if (!entry) return [];
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // A reader gives a folder in portions, an empty one at the end.
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) break;
    for (const inner of portion) if (!inner.name.startsWith(".")) found.push(...(await filesOf(inner)));
  }
  return found;
}

/** Files of the clipboard, such as a copied picture. */
function pastedFiles(event) {
  return [...(event.clipboardData?.files ?? [])];
}

/** Takes drops anywhere on the page: onFiles(files), and onHover(bool) while something hangs over it. */
export function listenForFiles({ onFiles, onHover }) {
  let depth = 0;
  const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const hover = (change) => {
    depth = Math.max(0, depth + change);
    onHover(depth > 0);
  };
  addEventListener("dragenter", (event) => holds(event) && hover(1));
  addEventListener("dragleave", (event) => holds(event) && hover(-1));
  addEventListener("dragover", (event) => holds(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    depth = 0;
    onHover(false);
    onFiles(await droppedFiles(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    const files = pastedFiles(event);
    if (files.length) onFiles(files);
  });
}
