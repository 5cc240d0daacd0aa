// The bytes of a file: read, joined, checked and inflated.

import { FilmError } from "./problems.js";

export { Bytes, latin1 } from "../bytes.js";

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

/** Inflates bytes by the browser's own decompression; "deflate" is zlib's format. */
export async function inflated(bytes, format = "deflate", most = Infinity) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joinedBytes(parts);
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError("more bytes than expected");
    }
    parts.push(value);
  }
}
