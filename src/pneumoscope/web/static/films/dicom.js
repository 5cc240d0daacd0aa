// DICOM films: which ones are accepted, and what their headers say; the same as pneumoscope/images/dicom.py.

import { Bytes } from "./bytes.js";
import { EndOfData, elementAt, layoutOf, UNDEFINED } from "./dicom-elements.js";
import { fileMeta, isElement, parsed, TAGS } from "./dicom-header.js";
import { actualSyntax, CODINGS, DEFLATED, decodedValues, GE_PRIVATE, isEncapsulated, SYNTAX_NAMES } from "./dicom-pixels.js";
import { shown } from "./greyscale.js";
import { checkSize } from "./limits.js";
import { FilmError, notOneFilm, rareCoding, truncated, unreadable } from "./problems.js";

const STORAGE = "1.2.840.10008.5.1.4.1.1";
const CLASSES = new Set(["1", "1.1", "7", "7.1", "7.2", "7.3", "7.4"].map((part) => `${STORAGE}.${part}`));
const FOR_PROCESSING = `${STORAGE}.1.1.1`;
/** Usual objects of PS3.4 B.5 that are no plain radiographs. */
const CLASS_NAMES = {
  [`${STORAGE}.2`]: "CT Image Storage",
  [`${STORAGE}.4`]: "MR Image Storage",
  [`${STORAGE}.1.2`]: "Digital Mammography X-Ray Image Storage - For Presentation",
  [`${STORAGE}.3.1`]: "Ultrasound Multi-frame Image Storage",
  [`${STORAGE}.6.1`]: "Ultrasound Image Storage",
  [`${STORAGE}.12.1`]: "X-Ray Angiographic Image Storage",
  [`${STORAGE}.66.4`]: "Segmentation Storage",
  [`${STORAGE}.88.11`]: "Basic Text SR Storage",
  [`${STORAGE}.88.22`]: "Enhanced SR Storage",
  [`${STORAGE}.88.33`]: "Comprehensive SR Storage",
  [`${STORAGE}.104.1`]: "Encapsulated PDF Storage",
};
const MODALITIES = [null, "CR", "DX", "DR", "RG", "XR"]; // for films without SOP class
const PHOTOMETRICS = {
  1: ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"],
  3: ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"],
};
const FEW = 64; // ends of lines that show how a file was changed
const YEARS = { Y: 1, M: 1 / 12, W: 7 / 365.25, D: 1 / 365.25 }; // PS3.5 6.2, VR AS

/**
 * Decodes one film: {levels, rows, columns, facts}.
 *
 * @param {Uint8Array} data
 * @param {object} codecs  See codecs.js.
 */
export async function readDicom(data, codecs) {
  const bytes = new Bytes(data);
  const { declared, start } = fileMeta(bytes);
  if (start + 8 > bytes.length) throw truncated();
  const layout = layoutOf(bytes, start);
  if (declared === DEFLATED && !isElement(bytes, start, layout)) throw new FilmError("DeflatedDicom");
  const known = [DEFLATED, GE_PRIVATE].includes(declared) ? null : declared;
  if (known !== null && !(known in CODINGS)) throw unsupported(known);
  const { head, value } = pixelsOf(bytes, start, layout);
  if (value.tag % 0x10000 !== 0x0010) throw new FilmError("UnsupportedObject", { what: "floating point pixels, not a radiograph" });
  checkPixels(head, isEncapsulated(bytes, value));
  const end = value.start + value.length;
  if (value.length !== UNDEFINED && bytes.length > end && isStoredAsText(data)) throw new FilmError("StoredAsText"); // its pixels are there, but moved
  const syntax = actualSyntax(known, layout, bytes, value, head);
  const { values, missingRows } = await decodedValues(bytes, value, head, syntax, codecs);
  const { levels, tint } = shown(values, head);
  const [rows, columns] = [head.short(TAGS.rows), head.short(TAGS.columns)];
  return { levels, rows, columns, facts: { ...factsOf(head, tint, syntax), ...(missingRows !== null && { missing_rows: missingRows }) } };
}

/** Whether a program took the film for text, and made two bytes of each end of a line. */
function isStoredAsText(data) {
  let [ends, pairs] = [0, 0];
  for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) {
    ends += 1;
    if (data[at - 1] === 13) pairs += 1;
  }
  return ends >= FEW && ends === pairs;
}

const unsupported = (uid) => new FilmError("UnsupportedSyntax", { syntax: SYNTAX_NAMES[uid] ?? uid.replace(/[^0-9.]/g, "?").slice(0, 64) });

/** The header, and the pixel data element. */
function pixelsOf(bytes, start, layout) {
  try {
    const { head, at } = parsed(bytes, start, layout);
    checkObject(head);
    if (at === bytes.length) throw notOneFilm("no pixels");
    return { head, value: elementAt(bytes, at, bytes.length, layout) };
  } catch (error) {
    throw error instanceof EndOfData ? truncated() : error;
  }
}

/** Takes films for people, and says in words what else it is. */
function checkObject(head) {
  const sopClass = head.text(TAGS.sopClass);
  const refuse = (what) => new FilmError("UnsupportedObject", { what });
  if (sopClass === FOR_PROCESSING || head.text(TAGS.intent) === "FOR PROCESSING") {
    throw refuse("a raw detector image (For Processing), not For Presentation");
  }
  if (sopClass === null) {
    if (!MODALITIES.includes(head.text(TAGS.modality))) throw refuse(`modality ${code(head, TAGS.modality)}, not a radiograph`);
  } else if (!CLASSES.has(sopClass)) {
    const name = CLASS_NAMES[sopClass] ?? sopClass.replace(/[^0-9.]/g, "?").slice(0, 64);
    throw refuse(`${name} does not hold a plain radiograph`);
  }
}

/** Checks the Image Pixel module (PS3.3 C.7.6.3). */
function checkPixels(head, compressed) {
  const [rows, columns] = [head.short(TAGS.rows) ?? 0, head.short(TAGS.columns) ?? 0];
  checkSize(rows, columns, Math.max(1, Math.trunc(head.number(TAGS.frames, 1))));
  const { samples, storedBits: stored } = head;
  const allocated = head.short(TAGS.allocated) ?? 0;
  if (!Object.values(PHOTOMETRICS).some((names) => names.includes(head.photometric))) {
    // ARGB, CMYK, YBR_PARTIAL_420, or a name of the program that wrote the film
    throw rareCoding(`photometric interpretation ${code(head, TAGS.photometric)}`);
  }
  if (!(samples in PHOTOMETRICS)) throw unreadable(`${samples} samples per pixel`);
  if (!PHOTOMETRICS[samples].includes(head.photometric)) {
    throw unreadable(`photometric interpretation ${code(head, TAGS.photometric)}, ${samples} samples`);
  }
  const sound = stored >= 1 && (compressed ? stored <= 32 : stored <= allocated && allocated <= 64);
  if (sound && !compressed && ![1, 8, 16, 32].includes(allocated)) throw rareCoding(`uncompressed pixels of ${allocated} bits`);
  if (!sound) throw unreadable(`${stored} bits stored in ${allocated}`);
}

function factsOf(head, tint, syntax) {
  const spacing = head.numbers(TAGS.spacing).length ? head.numbers(TAGS.spacing) : head.numbers(TAGS.imagerSpacing);
  const age = /^(\d{1,3})([YMWD])$/.exec(head.text(TAGS.age) ?? "");
  const facts = {
    format: "DICOM",
    rows: head.short(TAGS.rows),
    columns: head.short(TAGS.columns),
    bits: head.storedBits,
    colour: tint > 0,
    tint,
    reduced_by: 1,
    modality: code(head, TAGS.modality),
    view_position: code(head, TAGS.view),
    body_part: code(head, TAGS.bodyPart),
    row_direction: code(head, TAGS.orientation),
    laterality: code(head, TAGS.laterality) ?? code(head, TAGS.seriesLaterality),
    age_years: age ? Number(age[1]) * YEARS[age[2]] : null,
    pixel_spacing_mm: spacing.length === 2 && Math.min(...spacing) > 0 ? spacing : null,
    photometric: code(head, TAGS.photometric),
    transfer_syntax: syntax,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null));
}

/** A code string (VR CS, PS3.5 6.2), or null if it is none: free text may hold a name. */
function code(head, tag) {
  const text = head.text(tag);
  return text && /^[A-Z0-9_ ]{1,16}$/.test(text) ? text : null;
}
