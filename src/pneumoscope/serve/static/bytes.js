// Bytes as numbers and text. No DOM.

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
