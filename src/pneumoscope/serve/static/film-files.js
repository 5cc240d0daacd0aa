// Which files are films, by their names and first bytes: the same as pneumoscope/images/formats.py and
// finding.py. No DOM.

import { Bytes } from "./bytes.js";

export const HEAD_BYTES = 260; // of a file that `sniff` needs
const KIND_BYTES = 1024; // by which an Office document is told from an archive
const ENDINGS = /\.(jpe?g|jpe|jfif|png|tiff?|bmp|dib|webp|dcm|dicom|dic|ima)$/i;
const ARCHIVES = ["PK\x03\x04", "PK\x05\x06", "\x1f\x8b", "7z\xbc\xaf", "Rar!", "BZh", "\xfd7zXZ"];
const BMP_HEADERS = [12, 40, 52, 56, 64, 108, 124];
const BARE_VRS = ["UL", "OB", "UI", "CS", "DA", "TM", "SH", "LO"];
const TIFFS = ["II*\0", "MM\0*", "II+\0", "MM\0+"];
/** Recycle bins, previews and caches, see `SYSTEM_FOLDERS` in pneumoscope/images/sources.py. */
const SYSTEM_FOLDERS = new Set(["__macosx", "$recycle.bin", "recycler", "system volume information", "@eadir", "#recycle", "@recycle", "@recently-snapshot", "lost+found", "__pycache__"]);

/**
 * Of the files of a folder those that are films, and those whose error is worth a row: broken films, and pictures
 * and archives of kinds that are not read.
 *
 * @param {File[]} files
 */
export async function filmsAmong(files) {
  const wanted = await Promise.all(files.map(isWanted));
  return files.filter((_, i) => wanted[i]);
}

async function isWanted(file) {
  if (isIndex(file.name)) return false;
  if (hasFilmEnding(file.name) || file.type.startsWith("image/")) return true;
  const bytes = await file.slice(0, KIND_BYTES).arrayBuffer().catch(() => new ArrayBuffer(0));
  const head = new Bytes(new Uint8Array(bytes));
  return sniff(head) !== null || (isPacked(head) && !isOfficeDocument(head));
}

/** Whether a file has the name of the index of a DICOM medium. */
export const isIndex = (name) => name.toUpperCase() === "DICOMDIR";

/** Whether a folder is hidden, or one that a system makes beside those of its user. */
export const isSystemFolder = (name) => name.startsWith(".") || SYSTEM_FOLDERS.has(name.toLowerCase());

export const hasFilmEnding = (name) => ENDINGS.test(name);

/** Whether a file begins as an archive of any kind. */
export const isPacked = (head) => ARCHIVES.some((beginning) => head.startsWith(beginning));

/** Whether a ZIP archive is an Office document, by its first bytes (ECMA-376 part 2). */
export const isOfficeDocument = (head) => head.startsWith("PK") && head.text(0, KIND_BYTES).includes("[Content_Types].xml");

/** The format that the first bytes name, or null. */
export function sniff(head) {
  if (head.startsWith("\xff\xd8\xff")) return "JPEG";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (head.startsWith("DICM", 128)) return "DICOM";
  if (TIFFS.some((beginning) => head.startsWith(beginning))) return "TIFF";
  if (head.startsWith("RIFF") && head.startsWith("WEBP", 8)) return "WEBP";
  if (head.startsWith("BM") && BMP_HEADERS.includes(head.number(14, 4, true))) return "BMP";
  if (head.startsWith("DICM") || isBareDicom(head, 0)) return "DICOM";
  const emptyPreamble = head.length > 128 && head.part(0, 128).every((byte) => byte === 0);
  return emptyPreamble && isBareDicom(head, 128) ? "DICOM" : null;
}

/** Whether a data element begins at a position, in place of the preamble that PS3.10 7.1 asks for. */
function isBareDicom(head, at) {
  if (head.length - at < 132) return false;
  const [first, second, third, fourth] = head.part(at, at + 4);
  const hasVr = BARE_VRS.includes(head.text(at + 4, at + 6));
  if (first === 0) return hasVr && [2, 8].includes(second) && third === 0 && fourth <= 0x20;
  if (second || ![2, 8].includes(first) || fourth || third > 0x20) return false;
  const length = head.number(at + 4, 4, true);
  return hasVr || (length > 0 && length <= 64);
}
