// The page's DOM.

import { drawMap, drawScale, upsampled } from "./class_activation.js";
import { drawPicture } from "./picture.js";
import { megabytes, percent } from "./scores.js";

export const part = (id) => document.getElementById(id);

export function show(id, visible) {
  part(id).hidden = !visible;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function say(words, trouble = false) {
  part("status").textContent = words;
  part("status").classList.toggle("trouble", trouble);
}

export function showProgress(loaded, total) {
  show("progress", true);
  part("progress").value = Math.min(loaded / total, 1);
  say(`Loading the network: ${megabytes(loaded)} of ${megabytes(total)} MB.`);
}

export function describe(card) {
  const [height, width] = card.preprocessing.size;
  document.title = card.title;
  part("title").textContent = card.title;
  const facts = {
    Network: card.network.name,
    Classes: card.classes.length,
    Input: `${height} x ${width} px`,
    File: `${megabytes(card.network.bytes)} MB`,
  };
  if (card.network.data) facts["Trained on"] = card.network.data;
  part("facts").replaceChildren(
    ...Object.entries(facts).map(([term, words]) =>
      element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: words })),
    ),
  );
  show("untrained", !card.network.trained);
  drawScale(part("scale"));
}

// A button for each example; `onClick` receives the example.
export function showExamples(examples, onClick) {
  part("examples").replaceChildren(
    ...examples.map((example) => {
      const button = element(
        "button",
        { type: "button", onclick: () => onClick(example) },
        element("img", { src: example.file, alt: "" }),
        element("span", { textContent: `Try ${example.name}` }),
      );
      return element("span", {}, button);
    }),
  );
}

// Shows an image, darkened outside the network's crop; returns that crop in the canvas.
export function showPicture(picture, input) {
  for (const id of ["invitation", "overlay", "heat-controls", "heat-words", "time", "credit"]) show(id, false);
  show("picture", true);
  part("picture").setAttribute("aria-label", `Image ${picture.name}, ${picture.width} x ${picture.height} px`);
  part("classes").replaceChildren();
  return drawPicture(part("picture"), picture, input);
}

// The most probable classes; `onChoose` receives the index of a clicked class, null without class activation maps.
export function showClasses(top, classes, onChoose) {
  part("classes").replaceChildren(
    ...top.map(({ index, probability }) => {
      const fill = element("span", { className: "fill" });
      fill.style.width = `${100 * probability}%`;
      const answer = element(
        onChoose ? "button" : "div",
        { className: "answer" },
        element("span", { className: "name", textContent: classes[index] }),
        element("b", { textContent: percent(probability) }),
        element("span", { className: "track", ariaHidden: "true" }, fill),
      );
      if (onChoose) {
        answer.type = "button";
        answer.title = `Show the evidence for ${classes[index]}`;
        answer.dataset.index = index;
        answer.onclick = () => onChoose(index);
      }
      return element("li", {}, answer);
    }),
  );
}

// The class activation map of one class over the network's crop.
export function showClassActivation(heat, index, name, size, crop) {
  const [h, w] = heat.size;
  const map = heat.maps.subarray(index * h * w, (index + 1) * h * w);
  const overlay = part("overlay");
  overlay.width = part("picture").width;
  overlay.height = part("picture").height;
  drawMap(overlay, upsampled(map, heat.size, size), size, crop);
  for (const id of ["overlay", "heat-controls", "heat-words"]) show(id, true);
  const evidence = map.some((value) => value > 0);
  part("heat-words").textContent = evidence
    ? `Bright regions are evidence for ${name} (Grad-CAM of the last feature map, ${h} x ${w}). Choose a class to see its map.`
    : `No region of this image is evidence for ${name}.`;
  for (const button of document.querySelectorAll("button.answer")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index));
  }
}

export function showOpacity(percentage) {
  part("overlay").style.opacity = percentage / 100;
  part("opacity-words").textContent = `${percentage} %`;
}

export function showTime(milliseconds, threads, first) {
  show("time", true);
  const used = threads === 1 ? "one thread" : `${threads} threads`;
  const later = first ? " Later images are faster." : "";
  part("time").textContent = `Inference took ${Math.round(milliseconds)} ms on ${used}.${later}`;
}

export function showCredit(words) {
  show("credit", Boolean(words));
  part("credit").textContent = words ?? "";
}
