// What the page shows, and nothing of how it comes about.

import { drawHeat, drawScale, enlarged } from "./heat.js";
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

// A button for each example; `onClick` is given the example.
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

// The picture with what the network does not see darkened; returns the part that it sees.
export function showPicture(picture, seen) {
  for (const id of ["invitation", "overlay", "heat-controls", "heat-words", "time", "credit"]) show(id, false);
  show("picture", true);
  part("picture").setAttribute("aria-label", `The picture ${picture.name}, ${picture.width} x ${picture.height} px`);
  part("classes").replaceChildren();
  return drawPicture(part("picture"), picture, seen);
}

// The likeliest classes; `onChoose` is given a class's place when somebody asks for its heat, null: nobody can.
export function showClasses(found, classes, onChoose) {
  part("classes").replaceChildren(
    ...found.map(({ place, probability }) => {
      const fill = element("span", { className: "fill" });
      fill.style.width = `${100 * probability}%`;
      const answer = element(
        onChoose ? "button" : "div",
        { className: "answer" },
        element("span", { className: "name", textContent: classes[place] }),
        element("b", { textContent: percent(probability) }),
        element("span", { className: "track", ariaHidden: "true" }, fill),
      );
      if (onChoose) {
        answer.type = "button";
        answer.title = `Show what speaks for ${classes[place]}`;
        answer.dataset.place = place;
        answer.onclick = () => onChoose(place);
      }
      return element("li", {}, answer);
    }),
  );
}

// The heat of one class over the part of the picture that the network sees.
export function showHeat(heat, place, name, size, where) {
  const [h, w] = heat.size;
  const map = heat.maps.subarray(place * h * w, (place + 1) * h * w);
  const overlay = part("overlay");
  overlay.width = part("picture").width;
  overlay.height = part("picture").height;
  const large = enlarged(map, heat.size, size);
  drawHeat(overlay, large, size, where);
  for (const id of ["overlay", "heat-controls", "heat-words"]) show(id, true);
  const speaks = map.some((value) => value > 0);
  part("heat-words").textContent = speaks
    ? `Bright places speak for ${name} (Grad-CAM of the last map, ${h} x ${w} places). Choose another class to see its.`
    : `No place of this picture speaks for ${name}.`;
  for (const button of document.querySelectorAll("button.answer")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.place) === place));
  }
}

export function showOpacity(percentage) {
  part("overlay").style.opacity = percentage / 100;
  part("opacity-words").textContent = `${percentage} %`;
}

export function showTime(milliseconds, threads, first) {
  show("time", true);
  const where = threads === 1 ? "one thread" : `${threads} threads`;
  const later = first ? " Later pictures take less." : "";
  part("time").textContent = `The network took ${Math.round(milliseconds)} ms on ${where}.${later}`;
}

export function showCredit(words) {
  show("credit", Boolean(words));
  part("credit").textContent = words ?? "";
}
