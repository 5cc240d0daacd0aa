// Reads a film: picks the decoder by the first bytes, never by the file's ending; the same as
// pneumoscope/images/reading.py and formats.py.

import { HEAD_BYTES, sniff } from "../film-files.js";
import { Bytes, bytesOf } from "./bytes.js";
import { readDicom } from "./dicom.js";
import { grouped, MAX_BYTES } from "./limits.js";
import { FilmError } from "./problems.js";
import { readRaster } from "./raster.js";
import { hasScreenGrid } from "./screen-grid.js";
import { hasGreySide } from "./sides.js";
import { readTiff } from "./tiff.js";

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
  const kind = sniff(new Bytes(data.subarray(0, HEAD_BYTES)));
  if (kind === null) throw foreignFile(new Bytes(data.subarray(0, 1024)), foreign);
  if (kind === "DICOM") return readDicom(data, codecs);
  const film = await (kind === "TIFF" ? readTiff(data, foreign.compressions) : readRaster(data, kind, atLeast));
  const facts = { ...film.facts };
  if (hasGreySide(film)) facts.grey_side = true;
  if (hasScreenGrid(film)) facts.screen_grid = true;
  return { ...film, facts };
}

/** What a file is that is no film, and what to do; `foreign` has the words of pneumoscope/images/foreign.py. */
function foreignFile(head, { beginnings, brands, video, otherwise }) {
  const known = beginnings.find(({ beginning }) => head.startsWith(beginning));
  const brand = head.startsWith("ftyp", 4) ? brands[head.text(8, 12)] ?? video : null;
  const { kind, advice } = known ?? brand ?? (/^\s*<(!doctype )?html/i.test(head.text(0, 64)) ? otherwise.page : otherwise.unknown);
  return new FilmError("UnknownFormat", { kind, advice });
}
