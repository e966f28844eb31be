// The page: pictures come in by drop, paste, file or example; the worker answers; the view shows.

import { geometry } from "./preprocessing.js";
import { readPicture, Trouble } from "./picture.js";
import { likeliest } from "./scores.js";
import * as view from "./view.js";

const SHOWN = 5; // classes

let card;
let worker;
let threads = 0; // of the network; 0: it is not there yet
let current = null; // {id, picture, where} of the picture that is shown
let asked = 0;
let answers = 0;

function trouble(error) {
  if (!(error instanceof Trouble)) console.error(error);
  view.say(error instanceof Trouble ? error.message : `Something went wrong: ${error.message}.`, true);
}

async function take(file, name, credit) {
  const id = ++asked;
  view.say(`Reading ${name}.`);
  try {
    const picture = await readPicture(file, name, card.most_pixels);
    if (id !== asked) return; // somebody has given another one meanwhile
    const where = view.showPicture(picture, geometry(picture.width, picture.height, card.preprocessing));
    view.showCredit(credit);
    current = { id, picture, where };
    if (threads) classify();
    else view.say("The picture is there; the network is still loading.");
  } catch (error) {
    if (id === asked) trouble(error);
  }
}

function classify() {
  const { id, picture } = current;
  view.say(`Looking at ${picture.name}.`);
  const rgba = picture.rgba;
  worker.postMessage({ kind: "classify", id, rgba, width: picture.width, height: picture.height }, [rgba.buffer]);
}

function answered({ id, logits, heat, milliseconds }) {
  if (id !== current?.id || id !== asked) return;
  const found = likeliest(logits, SHOWN);
  const choose = (place) => view.showHeat(heat, place, card.classes[place], card.preprocessing.size, current.where);
  view.showClasses(found, card.classes, heat ? choose : null);
  if (heat) choose(found[0].place);
  view.showTime(milliseconds, threads, answers++ === 0);
  view.say(`${current.picture.name}: ${card.classes[found[0].place]}.`);
  document.body.dataset.answered = id;
}

function heard({ data }) {
  if (data.kind === "progress") {
    if (!current) view.showProgress(data.loaded, data.total);
  } else if (data.kind === "ready") {
    threads = data.threads;
    view.show("progress", false);
    if (current) classify();
    else view.say("Ready for a picture.");
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
  const given = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? transfer?.files[0];
  document.addEventListener("paste", (event) => {
    const file = given(event.clipboardData);
    if (file) take(file, file.name || "the pasted picture");
    else view.say("What was pasted holds no picture.", true);
  });
  let depth = 0; // of elements under the pointer that were entered and not left
  document.addEventListener("dragenter", () => document.body.classList.toggle("dropping", ++depth > 0));
  document.addEventListener("dragleave", () => document.body.classList.toggle("dropping", --depth > 0));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    const file = given(event.dataTransfer);
    if (file) take(file, file.name);
    else view.say("What was dropped is no file: save the picture first, or copy and paste it.", true);
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
  ].find(([there]) => !there);
  if (missing) throw new Trouble(`This browser has no ${missing[1]}, or it is switched off; a current one is needed.`);
  const response = await fetch(new URL("card.json", import.meta.url));
  if (!response.ok) throw new Trouble(`card.json is missing on the server (${response.status}).`);
  card = await response.json();
  view.describe(card);
  view.showExamples(card.examples, tryExample);
  listen();
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = heard;
  worker.onerror = () => view.say("The network's worker could not start: a current browser is needed.", true);
  worker.postMessage({ kind: "load", card });
}

start().catch(trouble);
