"""Decoders that the page fetches when a film needs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from page_in_node import in_node

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


def test_a_decoder_that_could_not_be_fetched_is_fetched_again(tmp_path: Path) -> None:
    assert in_node(tmp_path, SCRIPT, {}) == [["failed", [1, 2], [1, 2]], 1]
