// The bytes of a file: read, joined, checked and inflated.

import { FilmError } from "./problems.js";

export { Bytes, latin1 } from "../bytes.js";

const PIECE_BYTES = 2 ** 12;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The bytes of a file; browsers refuse those of a file that changed after it was chosen. */
export async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new FilmError("FileChanged");
  }
}

/** The checksum of PNG and ZIP. */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i += 1) value = CRC[(value ^ bytes[i]) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Several arrays as one. */
export function joinedBytes(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether bytes have a value so many times in a row. */
export function holdsRun(bytes, value, length) {
  for (let i = 0, run = 0; i < bytes.length; i += 1) {
    run = bytes[i] === value ? run + 1 : 0;
    if (run === length) return true;
  }
  return false;
}

/**
 * Inflates bytes by the browser's own decompression; "deflate" is zlib's format, behind whose end other bytes may follow.
 * Throws RangeError if there are more than `most` bytes, and TypeError if they are damaged.
 */
export async function inflated(bytes, format = "deflate", most = Infinity) {
  const parts = [];
  const source = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
  try {
    await collect(source.getReader(), parts, most);
    return joinedBytes(parts);
  } catch (error) {
    const whole = error instanceof RangeError || format !== "deflate" ? null : await inflatedToTheEnd(bytes, most);
    if (whole) return whole;
    throw error;
  }
}

async function collect(reader, parts, most) {
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError("more bytes than expected");
    }
    parts.push(value);
  }
}

/** What zlib's stream at the beginning of bytes holds; null if it is damaged. Bytes behind it are an error to browsers. */
async function inflatedToTheEnd(bytes, most) {
  const whole = pieces(bytes, PIECE_BYTES);
  const { fed } = await inflatedPieces(whole, most);
  const near = bytes.subarray(fed * PIECE_BYTES, (fed + 1) * PIECE_BYTES);
  // Browsers drop what they inflated of the piece with the error: one byte at a time, that is nothing.
  const { content } = await inflatedPieces([...whole.slice(0, fed), ...pieces(near, 1)], most);
  const sum = adler32(content);
  const ends = [24, 16, 8, 0].map((shift) => (sum >>> shift) & 0xff);
  const isEnd = (_, i) => ends.every((byte, k) => bytes[fed * PIECE_BYTES - 3 + i + k] === byte);
  return Array.from({ length: near.length + 3 }).some(isEnd) ? content : null;
}

const pieces = (bytes, size) => Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

/** Inflates pieces up to an error: how many were taken, and what they hold. */
async function inflatedPieces(given, most) {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const parts = [];
  const collected = collect(readable.getReader(), parts, most).catch(() => null);
  let fed = 0;
  try {
    for (; fed < given.length; fed += 1) await writer.write(given[fed]);
    await writer.close();
  } catch {
    // of the piece that was not taken
  }
  await collected;
  return { fed, content: joinedBytes(parts) };
}

/** The checksum at the end of zlib's format (RFC 1950). */
function adler32(bytes) {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; i += 1) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
