// Reads a film: picks the decoder by the first bytes, never by the file's ending; the same as
// pneumoscope/images/reading.py and formats.py.

import { Bytes, bytesOf } from "./bytes.js";
import { readDicom } from "./dicom.js";
import { grouped, MAX_BYTES } from "./limits.js";
import { FilmError } from "./problems.js";
import { readRaster } from "./raster.js";
import { hasGreySide } from "./sides.js";
import { readTiff } from "./tiff.js";

const BMP_HEADERS = [12, 40, 52, 56, 64, 108, 124];
const BARE_VRS = ["UL", "OB", "UI", "CS", "DA", "TM", "SH", "LO"];
const TIFFS = ["II*\0", "MM\0*", "II+\0", "MM\0+"];

/**
 * Reads one film: {levels, rows, columns, facts}.
 *
 * @param {Blob} file
 * @param {{atLeast: number|null, codecs: object, foreign: object}} options
 */
export async function readFilm(file, { atLeast, codecs, foreign }) {
  if (file.size > MAX_BYTES) throw new FilmError("TooLarge", { what: `${grouped(file.size)} bytes`, limit: `${grouped(MAX_BYTES)} bytes` });
  if (!file.size) throw new FilmError("EmptySource");
  const data = await bytesOf(file);
  const kind = sniff(new Bytes(data.subarray(0, 260)));
  if (kind === null) throw foreignFile(new Bytes(data.subarray(0, 1024)), foreign);
  if (kind === "DICOM") return readDicom(data, codecs);
  const film = await (kind === "TIFF" ? readTiff(data, foreign.compressions) : readRaster(data, kind, atLeast));
  return hasGreySide(film) ? { ...film, facts: { ...film.facts, grey_side: true } } : film;
}

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

/** What a file is that is no film, and what to do; `foreign` has the words of pneumoscope/images/foreign.py. */
function foreignFile(head, { beginnings, brands, video, otherwise }) {
  const known = beginnings.find(({ beginning }) => head.startsWith(beginning));
  const brand = head.startsWith("ftyp", 4) ? brands[head.text(8, 12)] ?? video : null;
  const { kind, advice } = known ?? brand ?? (/^\s*<(!doctype )?html/i.test(head.text(0, 64)) ? otherwise.page : otherwise.unknown);
  return new FilmError("UnknownFormat", { kind, advice });
}
