// Texts of a PNG (11.3.3), as Pillow reads them within the limits of pneumoscope/images/png.py.

import { Bytes, inflated, latin1 } from "./bytes.js";

const [PACKED_BYTES, ALL_TEXT_BYTES] = [2 ** 20, 2 ** 25];
const MOST_TEXTS = 1000; // that are looked at: each takes time, however short

/**
 * Keywords and their texts; of several with one keyword the last one counts.
 *
 * @param {{kind: string, content: Uint8Array}[]} chunks  tEXt, zTXt and iTXt.
 * @param {string[]} keywords  Those that are looked for: unpacking takes time.
 */
export async function textsOf(chunks, keywords) {
  const texts = new Map();
  let total = 0;
  const keywordOf = (content) => keywords.find((word) => new Bytes(content).startsWith(`${word}\0`));
  for (const { kind, content } of chunks.filter((chunk) => keywordOf(chunk.content)).slice(-MOST_TEXTS)) {
    const keyword = keywordOf(content);
    const text = await textOf(kind, content.subarray(keyword.length + 1), PACKED_BYTES);
    total += text?.length ?? PACKED_BYTES;
    if (total > ALL_TEXT_BYTES) break;
    if (text !== null) texts.set(keyword, text);
  }
  return texts;
}

/** A text without its keyword; null if it is damaged or too long. */
async function textOf(kind, rest, most) {
  if (kind === "tEXt") return latin1(rest);
  if (kind === "zTXt") return rest[0] ? null : latin1Of(await unpacked(rest.subarray(1), most));
  if (rest.length < 2) return null;
  const language = rest.indexOf(0, 2);
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
  if (translated < 0 || (rest[0] && rest[1])) return null;
  const text = rest.subarray(translated + 1);
  return utf8(rest[0] ? await unpacked(text, most) : text);
}

const latin1Of = (bytes) => bytes && latin1(bytes);

function utf8(bytes) {
  try {
    return bytes && new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Null for damaged bytes, and for more than `most`. */
const unpacked = (packed, most) => inflated(packed, "deflate", most).catch(() => null);
