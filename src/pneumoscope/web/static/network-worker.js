// The worker that runs the networks, by onnxruntime-web.

import * as ort from "./runtime/ort.js";
import { allKept, fetched, keepIn } from "./offline.js";
import { answerCalls, tellReceiving } from "./worker-calls.js";

const models = new Map(); // promises of files, by name of the bundle
const sessions = new Map(); // promises, likewise; a network is opened when the first film needs it
let networks = []; // {name, address, size}; the first bundle reads most films
let integrity = {}; // of the networks and the runtime, by address (Subresource Integrity)
let binary = null; // promise of the runtime's wasm
let last = Promise.resolve(); // onnxruntime-web makes one session at a time
let runs = 0;

answerCalls({
  async setup({ cache, networks: given, integrity: hashes }) {
    keepIn(cache, tellReceiving);
    networks = given;
    integrity = hashes;
    ort.env.wasm.numThreads = 1; // several need headers that a folder of files cannot send
    ort.env.wasm.proxy = false;
    ort.env.wasm.wasmPaths = { mjs: new URL("./runtime/ort-wasm.js", import.meta.url).href };
    binary = fileOf("runtime/ort-wasm.wasm.gz");
    await sessionOf(networks[0].name);
    return { result: true };
  },

  /** Waits until every file is on the device; a run without a film meanwhile compiles what the first film needs. */
  async all() {
    await Promise.all(networks.map(({ name }) => modelOf(name)));
    if (!runs) await run(networks[0].name, new Uint8Array(networks[0].size ** 2), networks[0].size);
    await allKept();
    return { result: true };
  },

  /** The outputs of a network for one film by name: {data: Float32Array, dims}. */
  async run({ name, input, size }) {
    const outputs = await run(name, input, size);
    const result = Object.fromEntries(Object.entries(outputs).map(([key, { data, dims }]) => [key, { data: Float32Array.from(data), dims }]));
    return { result };
  },
});

async function run(name, input, size) {
  runs += 1;
  const session = await sessionOf(name);
  return session.run({ films: new ort.Tensor("uint8", input, [input.length / (size * size), size, size, 1]) });
}

function modelOf(name) {
  if (!models.has(name)) models.set(name, fileOf(networks.find((network) => network.name === name).address));
  return orAgain(models, name);
}

/** A file of this version: a verdict must not come from the network of one and the calibration of another. */
function fileOf(address) {
  return fetched(new URL(address, import.meta.url), integrity[address]);
}

function sessionOf(name) {
  if (!sessions.has(name)) {
    sessions.set(name, started(name, last));
    last = sessions.get(name).catch(() => {});
  }
  return orAgain(sessions, name);
}

/** A promise of a map; one that fails is forgotten, so that the next film tries again. */
function orAgain(promises, name) {
  const promise = promises.get(name);
  promise.catch(() => promises.get(name) === promise && promises.delete(name));
  return promise;
}

async function started(name, before) {
  const model = await modelOf(name);
  ort.env.wasm.wasmBinary = await binary;
  await before;
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  models.set(name, Promise.resolve(null)); // the session has its own copy
  return session;
}
