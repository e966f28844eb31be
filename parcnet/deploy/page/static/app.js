// The page: images arrive by drop, paste, file or example; the worker runs the network; the view shows the result.

import { geometry } from "./preprocessing.js";
import { readPicture, Trouble } from "./picture.js";
import { topK } from "./scores.js";
import * as view from "./view.js";

const SHOWN = 5; // classes

let card;
let worker;
let threads = 0; // of the network; 0 until it is loaded
let current = null; // {id, picture, crop} of the image shown
let requested = 0; // id of the latest image
let results = 0;

function trouble(error) {
  if (!(error instanceof Trouble)) console.error(error);
  view.say(error instanceof Trouble ? error.message : `Something went wrong: ${error.message}.`, true);
}

async function take(file, name, credit) {
  const id = ++requested;
  view.say(`Reading ${name}.`);
  try {
    const picture = await readPicture(file, name, card.most_pixels);
    if (id !== requested) return; // superseded by a later image
    const crop = view.showPicture(picture, geometry(picture.width, picture.height, card.preprocessing));
    view.showCredit(credit);
    current = { id, picture, crop };
    if (threads) classify();
    else view.say("The image is loaded; the network is still loading.");
  } catch (error) {
    if (id === requested) trouble(error);
  }
}

function classify() {
  const { id, picture } = current;
  view.say(`Classifying ${picture.name}.`);
  const rgba = picture.rgba;
  worker.postMessage({ kind: "classify", id, rgba, width: picture.width, height: picture.height }, [rgba.buffer]);
}

function answered({ id, logits, heat, milliseconds }) {
  if (id !== current?.id || id !== requested) return;
  const top = topK(logits, SHOWN);
  const choose = (index) => view.showClassActivation(heat, index, card.classes[index], card.preprocessing.size, current.crop);
  view.showClasses(top, card.classes, heat ? choose : null);
  if (heat) choose(top[0].index);
  view.showTime(milliseconds, threads, results++ === 0);
  view.say(`${current.picture.name}: ${card.classes[top[0].index]}.`);
  document.body.dataset.answered = id;
}

function onWorkerMessage({ data }) {
  if (data.kind === "progress") {
    if (!current) view.showProgress(data.loaded, data.total);
  } else if (data.kind === "ready") {
    threads = data.threads;
    view.show("progress", false);
    if (current) classify();
    else view.say("Ready for an image.");
  } else if (data.kind === "answer") {
    answered(data);
  } else {
    view.show("progress", false);
    view.say(threads ? `The network failed: ${data.words}.` : `The network could not be loaded: ${data.words}.`, true);
  }
}

function listen() {
  const input = view.part("file");
  view.part("choose").onclick = () => input.click();
  input.onchange = () => {
    if (input.files.length) take(input.files[0], input.files[0].name);
    input.value = ""; // the same file may be chosen again
  };
  view.part("opacity").oninput = (event) => view.showOpacity(event.target.value);
  view.showOpacity(view.part("opacity").value);
  const imageFile = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? transfer?.files[0];
  document.addEventListener("paste", (event) => {
    const file = imageFile(event.clipboardData);
    if (file) take(file, file.name || "the pasted image");
    else view.say("The clipboard holds no image.", true);
  });
  let depth = 0; // nested elements under the pointer
  document.addEventListener("dragenter", () => document.body.classList.toggle("dropping", ++depth > 0));
  document.addEventListener("dragleave", () => document.body.classList.toggle("dropping", --depth > 0));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    const file = imageFile(event.dataTransfer);
    if (file) take(file, file.name);
    else view.say("The dropped item is not a file: save the image first, or copy and paste it.", true);
  });
}

async function tryExample({ file, name, credit }) {
  try {
    const response = await fetch(new URL(file, import.meta.url));
    if (!response.ok) throw new Trouble(`${file} is missing on the server (${response.status}).`);
    await take(await response.blob(), name, credit);
  } catch (error) {
    trouble(error);
  }
}

async function start() {
  view.show("waiting", false);
  const missing = [
    [typeof WebAssembly === "object", "WebAssembly"],
    [typeof OffscreenCanvas === "function", "OffscreenCanvas"],
    [typeof createImageBitmap === "function", "createImageBitmap"],
  ].find(([available]) => !available);
  if (missing) throw new Trouble(`This browser has no ${missing[1]}, or it is disabled; use a current browser.`);
  const response = await fetch(new URL("card.json", import.meta.url));
  if (!response.ok) throw new Trouble(`card.json is missing on the server (${response.status}).`);
  card = await response.json();
  view.describe(card);
  view.showExamples(card.examples, tryExample);
  listen();
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = onWorkerMessage;
  worker.onerror = () => view.say("The network's worker could not start: use a current browser.", true);
  worker.postMessage({ kind: "load", card });
}

start().catch(trouble);
