// Decoders of compressed DICOM frames, loaded when a film needs them. Each takes a codestream and the size
// that its header gives, and returns {words, isRgb, missingRows}; isRgb says that colour is red, green and blue
// already, and missingRows is a number if the end of the codestream is missing.
//
// Those in the folder codecs/ come from npm (pneumoscope/web/packages.py). A page that was made without one
// does not list it, and such films are refused in words.

import { withoutZerosBeforeEnd } from "./codestream.js";
import { isComplete } from "./dicom-pixels.js";
import { rareCoding, truncated, unreadable } from "./problems.js";
import { luminanceOf } from "./jpeg.js";
import { checkJpeg2000 } from "./jpeg-2000.js";
import { checkScans, rgbOfJpeg } from "./raster.js";

const loaded = new Map();

/**
 * The decoders of a page, by coding.
 *
 * @param {string[]} available  Names of the modules in codecs/.
 */
export function codecsOf(available) {
  const emscripten = {
    "jpeg-2000": ["openjpeg", "J2KDecoder"],
    "jpeg-ls": ["charls", "JpegLSDecoder"],
    htj2k: ["openjph", "HTJ2KDecoder"],
  };
  const codecs = { jpeg: ofJpeg, "jpeg-12": ofDeepJpeg };
  for (const [coding, [name, decoder]] of Object.entries(emscripten)) {
    if (available.includes(name)) codecs[coding] = (data) => byWebAssembly(name, decoder, data, coding);
  }
  for (const coding of ["jpeg-2000", "htj2k"]) {
    const decode = codecs[coding];
    if (decode) codecs[coding] = async (data) => (checkJpeg2000(data), decode(data));
  }
  const byCharls = codecs["jpeg-ls"];
  if (byCharls) codecs["jpeg-ls"] = (data) => byCharls(data).catch((error) => withoutZeros(byCharls, data, error));
  if (available.includes("jpeg-lossless")) codecs["jpeg-lossless"] = losslessJpeg;
  return codecs;
}

async function ofJpeg(codestream, { samples }) {
  checkScans(codestream);
  if (samples === 1) {
    const { levels, missingRows } = luminanceOf(codestream);
    return { words: levels, isRgb: true, missingRows };
  }
  const { rgba } = await rgbOfJpeg(codestream);
  const words = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, to = 0; i < rgba.length; i += 4, to += 3) words.set(rgba.subarray(i, i + 3), to);
  return { words, isRgb: true };
}

/** Lossy JPEG of 12 bits, in grey. */
function ofDeepJpeg(codestream, { samples }) {
  checkScans(codestream);
  if (samples !== 1) throw rareCoding("JPEG of 12 bits in colour");
  const { levels, missingRows } = luminanceOf(codestream);
  if (missingRows !== null) throw truncated();
  return { words: levels, isRgb: true };
}

/** CharLS rejects zero bytes between the last coded byte and EOI, which others wrote. */
function withoutZeros(decode, data, error) {
  const trimmed = withoutZerosBeforeEnd(data);
  if (trimmed.length === data.length) throw error;
  return decode(trimmed);
}

/** The bytes of a module of WebAssembly, which a page keeps compressed. */
async function moduleOf(name) {
  const { fetched } = await import("../offline.js");
  const { default: make } = await import(`../codecs/${name}.js`);
  return make({ wasmBinary: await fetched(new URL(`../codecs/${name}.wasm.gz`, import.meta.url)) });
}

async function byWebAssembly(name, kind, codestream, coding) {
  if (!loaded.has(name)) loaded.set(name, moduleOf(name));
  const library = await loaded.get(name).catch((error) => {
    loaded.delete(name); // the next film tries again
    throw error;
  });
  const decoder = new library[kind]();
  try {
    decoder.getEncodedBuffer(codestream.length).set(codestream);
    decoder.decode();
    const { bitsPerSample, isSigned } = decoder.getFrameInfo();
    const bytes = Uint8Array.from(decoder.getDecodedBuffer()); // a copy: the library's memory is used again
    return { words: wordsOf(bytes.buffer, bitsPerSample, isSigned), isRgb: coding !== "jpeg-ls" };
  } catch {
    throw unreadable(`the ${coding} data is damaged`); // what is thrown is a number of C++
  } finally {
    decoder.delete();
  }
}

function wordsOf(buffer, bits, isSigned) {
  if (bits <= 8) return isSigned ? new Int8Array(buffer) : new Uint8Array(buffer);
  return isSigned ? new Int16Array(buffer) : new Uint16Array(buffer);
}

async function losslessJpeg(codestream, { rows, columns, samples }) {
  if (!isComplete(codestream)) throw truncated();
  const { Decoder } = await import("../codecs/jpeg-lossless.js");
  const data = codestream.slice();
  let buffer;
  try {
    buffer = new Decoder().decompress(data.buffer, 0, data.length);
  } catch {
    throw unreadable("the lossless JPEG data is damaged");
  }
  const wide = buffer.byteLength >= 2 * rows * columns * samples;
  return { words: wide ? new Uint16Array(buffer) : new Uint8Array(buffer), isRgb: false };
}
