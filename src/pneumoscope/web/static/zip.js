// The films in a ZIP archive (APPNOTE.TXT), unpacked by the browser's own decompression.

import { Bytes, inflated } from "./films/bytes.js";
import { MAX_BYTES } from "./films/limits.js";
import { FilmError, truncated, unreadable } from "./films/problems.js";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const MOST_FILES = 1000;
const MOST_BYTES = 2 ** 31;
const MOST_COMMENT = 2 ** 16 + 22;
const [STORED, DEFLATED] = [0, 8];

/** Whether a file begins as a ZIP archive that is no Office document. */
export async function isArchive(file) {
  const head = new Bytes(new Uint8Array(await file.slice(0, 1024).arrayBuffer()));
  if (!head.startsWith("PK\x03\x04") && !head.startsWith("PK\x05\x06")) return false;
  return !head.text(0, head.length).includes("[Content_Types].xml");
}

/** The entries of an archive that may be films: [{name, load}]; `load` gives a File or throws FilmError. */
export async function filmsIn(file) {
  const entries = await entriesOf(file);
  const films = entries.filter(({ name }) => !name.endsWith("/") && !name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
  if (films.length > MOST_FILES) throw new FilmError("TooLarge", { what: `${films.length} files in the archive`, limit: String(MOST_FILES) });
  if (films.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES) throw new FilmError("TooLarge", { what: "more than 2 GiB in the archive", limit: "2 GiB" });
  if (!films.length) throw unreadable("there are no films in the archive");
  return films.map((entry) => ({ name: entry.name.split("/").at(-1), load: () => unpacked(file, entry) }));
}

async function part(file, from, to) {
  return new Bytes(new Uint8Array(await file.slice(from, to).arrayBuffer()));
}

async function entriesOf(file) {
  const start = Math.max(0, file.size - MOST_COMMENT);
  const tail = await part(file, start, file.size);
  let end = tail.length - 22;
  while (end >= 0 && tail.number(end, 4, true) !== END) end -= 1;
  if (end < 0) throw truncated();
  const [count, size, offset] = [tail.number(end + 10, 2, true), tail.number(end + 12, 4, true), tail.number(end + 16, 4, true)];
  const directory = await part(file, offset, offset + size);
  const entries = [];
  for (let i = 0, at = 0; i < count; i += 1) {
    if (directory.number(at, 4, true) !== ENTRY || at + 46 > directory.length) throw unreadable("the archive is broken");
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((place) => directory.number(at + place, 2, true));
    entries.push({
      encrypted: (directory.number(at + 8, 2, true) & 1) === 1,
      method: directory.number(at + 10, 2, true),
      packed: directory.number(at + 20, 4, true),
      size: directory.number(at + 24, 4, true),
      offset: directory.number(at + 42, 4, true),
      name: new TextDecoder().decode(directory.part(at + 46, at + 46 + nameSize)),
    });
    at += 46 + nameSize + extraSize + commentSize;
  }
  return entries;
}

async function unpacked(file, { name, encrypted, method, packed, size, offset }) {
  if (encrypted) throw unreadable("it is encrypted in its archive");
  if (size > MAX_BYTES) throw new FilmError("TooLarge", { what: `${size} bytes`, limit: `${MAX_BYTES} bytes` });
  const head = await part(file, offset, offset + 30);
  if (head.number(0, 4, true) !== LOCAL) throw unreadable("the archive is broken");
  const start = offset + 30 + head.number(26, 2, true) + head.number(28, 2, true);
  const { data } = await part(file, start, start + packed);
  if (data.length < packed) throw truncated();
  if (method !== STORED && method !== DEFLATED) throw unreadable(`compression ${method} in its archive`);
  let content = data;
  if (method === DEFLATED) {
    content = await inflated(data, "deflate-raw", size).catch(() => {
      throw unreadable("the archive is broken");
    });
  }
  if (content.length !== size) throw unreadable("the archive is broken");
  return new File([content], name.split("/").at(-1));
}
