// The films in a ZIP archive (APPNOTE.TXT), unpacked by the browser's own decompression: the same members and the
// same errors as pneumoscope/images/archives.py.

import { HEAD_BYTES, hasFilmEnding, isIndex, isOfficeDocument, isPacked, isSystemFolder, sniff } from "./film-files.js";
import { Bytes, bytesOf, crc32, inflated, joinedBytes } from "./films/bytes.js";
import { MAX_BYTES } from "./films/limits.js";
import { FilmError, unreadable } from "./films/problems.js";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const IN_FIELD_64 = 2 ** 32 - 1; // stands for a number that is in the ZIP64 field
const MOST_FILES = 10_000;
const MOST_RATIO = 200; // unpacked bytes per packed byte of a member
const STEP = 2 ** 20;
const HEAD = 4096; // bytes by which a member shows what it is
const MOST_COMMENT = 2 ** 16 + 22;
const [STORED, DEFLATED] = [0, 8];
const FIELD_64 = 1;
const [ENCRYPTED, UTF_8] = [0x1, 0x800]; // general purpose flags (APPNOTE.TXT 4.4.4)
/** The upper half of code page 437 (APPNOTE.TXT D.1). */
const UPPER = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** Whether a file begins as a ZIP archive that is no Office document. */
export async function isArchive(file) {
  const head = await part(file, 0, 1024);
  if (!head.startsWith("PK\x03\x04") && !head.startsWith("PK\x05\x06")) return false;
  return !isOfficeDocument(head);
}

/**
 * The members of an archive that are films, or whose error is worth a row: [{name, load}]; `load` gives a File or
 * throws FilmError.
 *
 * @param {File} file
 * @param {string[]} otherObjects  SOP classes of DICOM objects that are no pictures.
 */
export async function filmsIn(file, otherObjects) {
  const entries = (await entriesOf(file)).filter(({ name }) => !name.endsWith("/") && !isLitter(name));
  const members = entries.filter(({ name }) => !isIndex(lastOf(name)));
  const isMedium = members.length < entries.length;
  const films = [];
  for (const entry of members) if (await looksLikeFilm(file, entry, isMedium, otherObjects)) films.push(entry);
  if (!films.length) throw new FilmError("NoFilmInArchive");
  if (films.every(({ encrypted }) => encrypted)) throw new FilmError("EncryptedArchive");
  return films.map((entry) => ({ name: lastOf(entry.name), load: () => unpacked(file, entry) }));
}

const lastOf = (name) => name.replaceAll("\\", "/").split("/").at(-1);

/** Hidden files, and those in folders that are hidden or that a system adds. */
function isLitter(path) {
  const folders = path.replaceAll("\\", "/").split("/");
  const name = folders.pop();
  return name.startsWith(".") || folders.some((folder) => folder !== "." && folder !== ".." && isSystemFolder(folder));
}

async function looksLikeFilm(file, entry, isMedium, otherObjects) {
  const hasEnding = hasFilmEnding(entry.name);
  if (hasEnding && !isMedium) return true;
  let head;
  try {
    head = new Bytes(await headOf(file, entry));
  } catch {
    return hasEnding || !lastOf(entry.name).includes("."); // films on media have no ending
  }
  const kind = sniff(new Bytes(head.part(0, HEAD_BYTES)));
  if (isMedium && kind === "DICOM" && otherObjects.includes(sopClassOf(head))) return false;
  return hasEnding || kind !== null || isPacked(head);
}

/** Media Storage SOP Class UID (0002,0002); empty if there is none. */
function sopClassOf(head) {
  const text = head.text(0, head.length);
  const at = text.indexOf("\x02\0\x02\0UI", 128);
  return at < 0 ? "" : text.slice(at + 8, at + 8 + head.number(at + 6, 2, true)).replace(/[\0 ]+$/, "");
}

async function part(file, from, to) {
  return new Bytes(await bytesOf(file.slice(from, to)));
}

/** Where the directory of an archive is: {count, size, offset}. */
async function directoryOf(file) {
  const start = Math.max(0, file.size - MOST_COMMENT);
  const tail = await part(file, start, file.size);
  let end = tail.length - 22;
  while (end >= 0 && tail.number(end, 4, true) !== END) end -= 1;
  if (end < 0) throw new FilmError("BrokenArchive");
  const locator = await part(file, Math.max(0, start + end - 20), start + end);
  if (locator.number(0, 4, true) !== LOCATOR_64) {
    return { count: tail.number(end + 10, 2, true), size: tail.number(end + 12, 4, true), offset: tail.number(end + 16, 4, true) };
  }
  const at = locator.number(8, 8, true);
  const record = await part(file, at, at + 56);
  if (record.number(0, 4, true) !== END_64) throw new FilmError("BrokenArchive");
  return { count: record.number(32, 8, true), size: record.number(40, 8, true), offset: record.number(48, 8, true) };
}

/** Sizes and place of a member; those that do not fit 4 bytes are in its ZIP64 field, in this order. */
function extent(entry, extra) {
  const values = { size: entry.number(24, 4, true), packed: entry.number(20, 4, true), offset: entry.number(42, 4, true) };
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.number(at + 2, 2, true)) {
    if (extra.number(at, 2, true) !== FIELD_64) continue;
    let place = at + 4;
    for (const [key, value] of Object.entries(values)) {
      if (value !== IN_FIELD_64) continue;
      values[key] = extra.number(place, 8, true);
      place += 8;
    }
    break;
  }
  return values;
}

async function entriesOf(file) {
  const { count, size, offset } = await directoryOf(file);
  if (count > MOST_FILES) throw new FilmError("ArchiveTooLarge", { what: "the archive lists too many files" });
  const directory = await part(file, offset, offset + size);
  const entries = [];
  for (let i = 0, at = 0; i < count; i += 1) {
    if (directory.number(at, 4, true) !== ENTRY || at + 46 > directory.length) throw new FilmError("BrokenArchive");
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((place) => directory.number(at + place, 2, true));
    const entry = new Bytes(directory.part(at, at + 46 + nameSize + extraSize));
    const flags = entry.number(8, 2, true);
    const stored = entry.part(46, 46 + nameSize);
    entries.push({
      encrypted: (flags & ENCRYPTED) !== 0,
      method: entry.number(10, 2, true),
      checksum: entry.number(16, 4, true),
      ...extent(entry, new Bytes(entry.part(46 + nameSize))),
      stored,
      name: nameOf(stored, (flags & UTF_8) !== 0),
    });
    at += 46 + nameSize + extraSize + commentSize;
  }
  // Members that overlap: a small file would unpack to many times MOST_RATIO.
  if (entries.reduce((sum, { packed }) => sum + packed, 0) > file.size) throw new FilmError("BrokenArchive");
  return entries;
}

/**
 * The name of a member. Without the flag of UTF-8 it may be in that coding, too, as macOS writes it; it is rare that
 * another name can be read so.
 */
function nameOf(stored, isUtf8) {
  let name;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(stored);
  } catch {
    if (isUtf8) throw new FilmError("BrokenArchive");
    name = Array.from(stored, (byte) => (byte < 128 ? String.fromCharCode(byte) : UPPER[byte - 128])).join("");
  }
  return name.split("\0")[0];
}

/** The packed bytes of a member, at most `most`. */
async function packedOf(file, { encrypted, method, packed, offset, stored }, most = Infinity) {
  if (encrypted) throw new FilmError("EncryptedArchive");
  if (method !== STORED && method !== DEFLATED) throw new FilmError("UnknownPacking");
  const head = await part(file, offset, offset + 30);
  if (head.number(0, 4, true) !== LOCAL) throw damaged();
  const named = offset + 30 + head.number(26, 2, true);
  const { data: name } = await part(file, offset + 30, named);
  if (name.length !== stored.length || name.some((byte, i) => byte !== stored[i])) throw damaged();
  const start = named + head.number(28, 2, true);
  const { data } = await part(file, start, start + Math.min(packed, most));
  if (data.length < Math.min(packed, most)) throw damaged();
  return data;
}

const damaged = () => unreadable("damaged in the archive");

/** The first bytes of a member, at most HEAD. */
async function headOf(file, entry) {
  const data = await packedOf(file, entry, 8 * HEAD);
  if (entry.method === STORED) return data.subarray(0, HEAD);
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  try {
    for (let size = 0; size < HEAD; size += parts.at(-1).length) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
    }
  } catch {
    if (!parts.length) throw damaged(); // what comes behind the first bytes is missing
  }
  reader.cancel().catch(() => {});
  return joinedBytes(parts).subarray(0, HEAD);
}

async function unpacked(file, entry) {
  const { method, packed, size, checksum, name } = entry;
  const most = Math.min(MAX_BYTES, MOST_RATIO * Math.max(packed, 1) + STEP);
  if (size > most) throw new FilmError("ArchiveTooLarge", { what: "unpacks to more than a film may have" });
  let content = await packedOf(file, entry);
  if (method === DEFLATED) {
    content = await inflated(content, "deflate-raw", size).catch(() => {
      throw damaged();
    });
  }
  if (content.length !== size || crc32(content) !== checksum) throw damaged();
  if (isPacked(new Bytes(content.subarray(0, 8)))) throw new FilmError("NestedArchive");
  return new File([content], lastOf(name));
}
