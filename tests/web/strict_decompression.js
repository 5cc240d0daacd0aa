// DecompressionStream as browsers have it; Node's takes bytes behind the end of the compressed data.

import { constants, inflateSync } from "node:zlib";

const JUNK = "Junk found after end of compressed data.";
const CHUNK = 16384;

globalThis.DecompressionStream = class extends TransformStream {
  constructor() {
    let [given, sent, ended] = [Buffer.alloc(0), 0, false];
    const transform = (piece, controller) => {
      given = Buffer.concat([given, piece]);
      if (ended) throw new TypeError(JUNK);
      const { buffer, engine } = inflateSync(given, { finishFlush: constants.Z_SYNC_FLUSH, info: true });
      for (; sent < buffer.length; sent += CHUNK) controller.enqueue(new Uint8Array(buffer.subarray(sent, sent + CHUNK)));
      sent = buffer.length;
      ended = isWhole(given);
      if (engine.bytesWritten < given.length) throw new TypeError(JUNK); // which drops what is not read yet
    };
    const flush = () => {
      if (!ended) throw new TypeError("Compressed input was truncated.");
    };
    super({ transform, flush });
  }
};

function isWhole(bytes) {
  try {
    inflateSync(bytes);
    return true;
  } catch {
    return false;
  }
}
