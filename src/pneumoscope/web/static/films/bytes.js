// Bytes of a file as numbers and text.

/** A view of a file's bytes with the readers that its formats need. */
export class Bytes {
  /** data: Uint8Array */
  constructor(data) {
    this.data = data;
    this.length = data.length;
  }

  /** An unsigned integer of 1 to 4 bytes; bytes beyond the end are left out, as in a slice. */
  number(at, size, little = false) {
    const bytes = [...this.data.subarray(at, at + size)];
    if (little) bytes.reverse();
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  text(at, end) {
    return latin1(this.data.subarray(at, end));
  }

  startsWith(text, at = 0) {
    return this.text(at, at + text.length) === text;
  }

  part(at, end) {
    return this.data.subarray(at, end);
  }
}

/** Bytes as ISO 8859-1 text. */
export function latin1(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
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
