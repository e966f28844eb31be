// Runs the network in a worker, so that the page stays responsive. Messages in: {kind: "load", card} once, then
// {kind: "classify", id, rgba, width, height}. Messages out: progress, ready, answer, trouble.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";
import { networkInput } from "./preprocessing.js";

let card;
let session;

const beside = (path) => new URL(path, import.meta.url).href;

// Downloads files of this page, with progress messages.
async function download(files) {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let loaded = 0;
  const one = async ({ file }) => {
    const response = await fetch(beside(file));
    if (!response.ok) throw new Error(`${file} is missing on the server (${response.status})`);
    const parts = [];
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      loaded += value.length;
      postMessage({ kind: "progress", loaded, total });
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  };
  return Promise.all(files.map(one));
}

async function load() {
  const [wasm, network] = await download([card.runtime, card.network]);
  ort.env.wasm.wasmBinary = wasm;
  // threads share memory, which browsers allow only on cross-origin isolated pages (two HTTP headers)
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
  postMessage({ kind: "ready", threads: ort.env.wasm.numThreads });
}

async function classify({ id, rgba, width, height }) {
  const { preprocessing } = card;
  const pixels = networkInput(rgba, width, height, preprocessing);
  const shape = [1, ...preprocessing.size, preprocessing.mean.length];
  const input = new ort.Tensor("uint8", pixels, shape);
  const started = performance.now();
  const { logits, heat } = await session.run({ [session.inputNames[0]]: input });
  const milliseconds = performance.now() - started;
  postMessage({
    kind: "answer",
    id,
    milliseconds,
    logits: logits.data,
    heat: heat && { maps: heat.data, size: heat.dims.slice(2) },
  });
}

onmessage = async ({ data }) => {
  try {
    if (data.kind === "load") {
      card = data.card;
      await load();
    } else {
      await classify(data);
    }
  } catch (error) {
    postMessage({ kind: "trouble", id: data.id, words: String(error?.message ?? error) });
  }
};
