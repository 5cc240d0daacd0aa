"""Decoders that the page fetches when a film needs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from film_files import smooth
from page_in_node import in_node
from pneumoscope.images.codestream import without_zeros_before_end

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SCRIPT = """
import { mkdirSync, writeFileSync } from "node:fs";
import { codecsOf } from "./films/codecs.js";
mkdirSync("codecs", { recursive: true });
writeFileSync("codecs/charls.js", `
  class JpegLSDecoder {
    getEncodedBuffer() { return { set() {} }; }
    decode() {}
    getFrameInfo() { return { bitsPerSample: 8, isSigned: false }; }
    getDecodedBuffer() { return [1, 2]; }
    delete() {}
  }
  export default async () => ({ JpegLSDecoder });
`);
const answers = [503, 200, 200];
globalThis.fetch = async () => new Response("", { status: answers.shift() });
const decode = codecsOf(["charls"])["jpeg-ls"];
const results = [];
for (let film = 0; film < 3; film += 1) {
  results.push(await decode(new Uint8Array(2)).then(({ words }) => [...words], () => "failed"));
}
console.log(JSON.stringify([results, answers.length]));
"""


ZEROS = """
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { codecsOf } from "./films/codecs.js";
mkdirSync("codecs", { recursive: true });
// As CharLS, which takes no zero before EOI.
writeFileSync("codecs/charls.js", `
  class JpegLSDecoder {
    getEncodedBuffer() { return { set: (bytes) => (this.bytes = [...bytes]) }; }
    decode() { if (this.bytes.at(-3) === 0 || this.bytes.at(-1) !== 0xd9) throw 1; }
    getFrameInfo() { return { bitsPerSample: 8, isSigned: false }; }
    getDecodedBuffer() { return this.bytes; }
    delete() {}
  }
  export default async () => ({ JpegLSDecoder });
`);
globalThis.fetch = async () => new Response("");
const decode = codecsOf(["charls"])["jpeg-ls"];
const results = [];
for (const film of JSON.parse(readFileSync("input.json"))) {
  results.push(await decode(Uint8Array.from(film)).then(({ words }) => [...words], ({ code }) => code));
}
console.log(JSON.stringify(results));
"""


def test_zeros_before_the_end_of_jpeg_ls_are_left_out(tmp_path: Path) -> None:
    films = [
        bytes(film) for film in ([1, 0, 0, 255, 217], [1, 0, 255, 217, 0], [1, 255, 217], [1, 0])
    ]
    expected = [[*without_zeros_before_end(film)] for film in films[:3]]
    assert in_node(tmp_path, ZEROS, [[*film] for film in films]) == [*expected, "UnreadableImage"]
    assert expected == [[1, 255, 217]] * 3


SIGNS = """
import { readFileSync } from "node:fs";
import { filmValues } from "./films/stored-bits.js";
const results = JSON.parse(readFileSync("input.json")).map(({ words, size, bits, center }) => {
  const typed = size === 1 ? Int8Array.from(words) : Int16Array.from(words);
  const number = (tag, fallback) => ({ 0x00281050: center, 0x00281051: 4096 })[tag] ?? fallback;
  const head = { storedBits: bits, isSigned: false, short: () => null, number, padding: null };
  return [...filmValues({ words: typed, rows: 64, columns: 80, samples: 1 }, 8 * size, head)];
});
console.log(JSON.stringify(results));
"""


def test_jpeg_2000_with_a_sign_that_the_header_denies(tmp_path: Path) -> None:
    """As `test_stored_bits.py` has it for Python."""
    grey = smooth(64, 80).astype(int)
    films = [
        {"words": grey - 128, "size": 1, "bits": 8, "center": 0},
        {"words": grey * 16 - 2048, "size": 2, "bits": 12, "center": 0},
        {"words": grey * 16 - 2048, "size": 2, "bits": 12, "center": 2048},
        {"words": grey * 16 - 1000, "size": 2, "bits": 12, "center": 2048},
    ]
    given = [film | {"words": film["words"].ravel().tolist()} for film in films]
    expected = [grey, grey * 16 - 2048, grey * 16, grey * 16 + 24]
    assert in_node(tmp_path, SIGNS, given) == [values.ravel().tolist() for values in expected]


def test_a_decoder_that_could_not_be_fetched_is_fetched_again(tmp_path: Path) -> None:
    assert in_node(tmp_path, SCRIPT, {}) == [["failed", [1, 2], [1, 2]], 1]
