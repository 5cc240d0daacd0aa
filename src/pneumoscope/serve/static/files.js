// Files that are dropped on the page or pasted; a dropped folder gives all files in it.

/** All files of a drop. The entries must be read before the first await. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** The files of an entry: itself, or those of a folder without hidden ones. */
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
    for (const inner of portion) if (!inner.name.startsWith(".")) files.push(...(await filesOf(inner)));
  }
}

/** Files that were chosen, without hidden ones and those in hidden folders. */
export function visibleFiles(files) {
  return files.filter((file) => !(file.webkitRelativePath || file.name).split("/").some((part) => part.startsWith(".")));
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
