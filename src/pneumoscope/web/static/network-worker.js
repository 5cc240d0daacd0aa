// The worker that runs the networks, by onnxruntime-web.

import * as ort from "./runtime/ort.js";
import { fetched, keepIn } from "./offline.js";
import { answerCalls } from "./worker-calls.js";

const sessions = new Map(); // promises, by name of the bundle

answerCalls({
  /** addresses: name of a bundle to the address of its network. */
  async setup({ cache, addresses }) {
    keepIn(cache);
    ort.env.wasm.numThreads = 1; // several need headers that a folder of files cannot send
    ort.env.wasm.proxy = false;
    ort.env.wasm.wasmPaths = { mjs: new URL("./runtime/ort-wasm.js", import.meta.url).href };
    const binary = fetched(new URL("./runtime/ort-wasm.wasm.gz", import.meta.url));
    let before = Promise.resolve();
    for (const [name, address] of Object.entries(addresses)) {
      const session = started(address, binary, before);
      session.catch(() => {}); // who needs it is told
      sessions.set(name, session);
      before = session;
    }
    // The first bundle reads most films; the others may still be on their way.
    await sessions.values().next().value;
    return { result: true };
  },

  /** Waits until every network is there. */
  async all() {
    await Promise.all(sessions.values());
    return { result: true };
  },

  /** The outputs of a network for one film by name: {data: Float32Array, dims}. */
  async run({ name, input, size }) {
    const session = await sessions.get(name);
    const films = new ort.Tensor("uint8", input, [input.length / (size * size), size, size, 1]);
    const outputs = await session.run({ films });
    const result = Object.fromEntries(Object.entries(outputs).map(([key, { data, dims }]) => [key, { data: Float32Array.from(data), dims }]));
    return { result };
  },
});

async function started(address, binary, before) {
  const model = await fetched(new URL(address, import.meta.url));
  ort.env.wasm.wasmBinary = await binary;
  await before; // onnxruntime-web makes one session at a time
  return ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
}
