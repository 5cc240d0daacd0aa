// What the Exif data of a picture says: the same as pneumoscope/images/exif.py, which says what the tags are.

import { Bytes, joinedBytes } from "./bytes.js";

const [APP1, SOS] = [0xe1, 0xda];
const [ORIENTATION, EXIF_IFD, COMMENT] = [0x0112, 0x8769, 0x9286];
const INTEGERS = { 3: 2, 4: 4 }; // types that an orientation may have, to their bytes
const LENS = [0x829d, 0x920a];
const [CHARACTER_CODE_BYTES, SCREENSHOT_COMMENT] = [8, "Screenshot"];
const HEADER = "Exif\0\0";
const nothing = () => ({ orientation: 1, takenBy: null });

/** The orientation of a JPEG, 1 to 8, and what took it: {orientation, takenBy}, which is "camera", "screenshot" or null. */
export function exifOfJpeg(data) {
  const bytes = new Bytes(data);
  const parts = [];
  for (let at = 2; at + 4 < bytes.length && data[at] === 0xff && data[at + 1] !== SOS; ) {
    if (data[at + 1] === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    const end = at + 2 + bytes.number(at + 2, 2);
    // Long data is continued in further segments, each with the header.
    if (data[at + 1] === APP1 && bytes.startsWith(HEADER, at + 4)) parts.push(bytes.part(at + 4 + (parts.length && HEADER.length), end));
    at = end;
  }
  return exifOf(joinedBytes(parts));
}

/** The same of a WebP. */
export function exifOfWebp(data) {
  const bytes = new Bytes(data);
  for (let at = 12; at + 8 < bytes.length; ) {
    const [size, start] = [bytes.number(at + 4, 4, true), at + 8];
    if (bytes.startsWith("EXIF", at)) return exifOf(bytes.part(start, start + size));
    at = start + size + (size % 2);
  }
  return nothing();
}

/** The same of Exif data, which is a TIFF. */
export function exifOf(data) {
  const whole = new Bytes(data);
  let start = 0;
  while (whole.startsWith(HEADER, start)) start += HEADER.length;
  const tiff = new Bytes(whole.part(start));
  const little = tiff.startsWith("II");
  if (!little && !tiff.startsWith("MM")) return nothing();
  const [turned, ifd] = entriesOf(tiff, tiff.number(4, 4, little), little, [ORIENTATION, EXIF_IFD]);
  const value = turned ? tiff.number(turned + 8, INTEGERS[tiff.number(turned + 2, 2, little)] ?? 0, little) : 1;
  return { orientation: value >= 1 && value <= 8 ? value : 1, takenBy: ifd ? takenBy(tiff, tiff.number(ifd + 8, 4, little), little) : null };
}

function takenBy(tiff, start, little) {
  const [comment, ...lens] = entriesOf(tiff, start, little, [COMMENT, ...LENS]);
  const isLong = comment && tiff.number(comment + 4, 4, little) === CHARACTER_CODE_BYTES + SCREENSHOT_COMMENT.length;
  if (isLong && tiff.startsWith(SCREENSHOT_COMMENT, tiff.number(comment + 8, 4, little) + CHARACTER_CODE_BYTES)) return "screenshot";
  return lens.some(Boolean) ? "camera" : null;
}

/** Whether XMP says that the picture is a screenshot. */
export const isOfScreenshot = (xmp) => xmp.includes("exif:UserComment") && xmp.includes(`>${SCREENSHOT_COMMENT}<`);

/** Exif data that ImageMagick writes into a PNG as text; empty if it is damaged. */
export function exifOfProfile(text) {
  const digits = text.split("\n").slice(3).join("").replace(/\s/g, "");
  if (digits.length % 2 || /[^\da-f]/i.test(digits)) return new Uint8Array();
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Where a directory has the entries of these tags; 0 for those that it lacks. */
function entriesOf(tiff, start, little, tags) {
  const places = tags.map(() => 0);
  const end = Math.min(start + 2 + 12 * tiff.number(start, 2, little), tiff.length - 11);
  for (let at = start + 2; at < end; at += 12) {
    const place = tags.indexOf(tiff.number(at, 2, little));
    if (place >= 0) places[place] = at;
  }
  return places;
}
