// A picture at the resolution that it came in, beside its counterpart: wheel and + − zoom both, drag moves both.

import { labelWords, outcomeName, picture } from "./card.js";
import { className, data, imageUrl, originalUrl } from "./data.js";
import { h, key } from "./dom.js";

const MOST = 40;
const TYPICAL = 4; // images of a class

// What stays with the label that it came with and has the most likely labels: typical images of a class.
function typical(label, except) {
  const { label: given, final_label: final, "score:label_quality_score": quality } = data.arrays;
  if (!quality || label < 0) return [];
  const rows = [...data.ids.keys()].filter((row) => row !== except && given[row] === label && final[row] === label && !Number.isNaN(quality[row]));
  return rows.sort((a, b) => quality[b] - quality[a] || a - b).slice(0, TYPICAL);
}

export function openZoom(row) {
  if (!data.info.pictures) return;
  const other = data.arrays.counterpart[row];
  const place = { scale: 1, x: 0, y: 0 };
  const figures = [row, ...(other >= 0 ? [other] : [])].map((each, i) => figure(each, i ? "its counterpart, " : ""));
  const { label, final_label: final, suggested_label: suggested } = data.arrays;
  const classes = [...new Set([label[row], final[row] >= 0 ? final[row] : label[row], suggested[row]])].map((each) => [each, typical(each, row)]).filter(([, rows]) => rows.length);
  const beside = h("div", { class: "typical" }, classes.map(([each, rows]) =>
    h("div", { class: "row" }, h("span", { class: "muted small" }, `typical ${className(each)}`), rows.map((like) => picture(data.ids[like], 56, "")))));
  const stage = h("div", { class: "zoomed" }, figures.map((each) => each.root));
  const dialog = h("dialog", { class: "zoom", "aria-label": `Picture ${data.ids[row]}`, onclose: () => dialog.remove(), ondblclick: () => dialog.close() },
    stage,
    beside,
    h("div", { class: "row between" }, h("span", { class: "muted small" }, "Wheel or ", key("+"), key("−"), " zoom, drag or arrows move, ", key("0"), " all of it"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close ", key("Z"))));

  function figure(each, words) {
    const image = h("img", { src: originalUrl(data.ids[each]), alt: `${words}image ${data.ids[each]}`, class: "pic", draggable: "false" });
    const size = h("span", { class: "muted" });
    image.addEventListener("load", () => (size.textContent = ` ${image.naturalWidth} × ${image.naturalHeight} pixels`));
    image.addEventListener("error", () => image.src.includes("original/") && (image.src = imageUrl(data.ids[each])));
    return { image, root: h("figure", {}, h("div", { class: "window" }, image), h("figcaption", {}, h("strong", {}, `${words}${labelWords(each)}`), ` · ${outcomeName(each)} ·`, size)) };
  }

  function draw() {
    for (const { image } of figures) image.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
  }

  // By a factor; the point under the pointer, from the middle of its window, stays where it is.
  function zoom(factor, x = 0, y = 0) {
    const next = Math.min(MOST, Math.max(1, place.scale * factor));
    const ratio = next / place.scale;
    Object.assign(place, next === 1 ? { scale: 1, x: 0, y: 0 } : { scale: next, x: x - ratio * (x - place.x), y: y - ratio * (y - place.y) });
    draw();
  }

  function move(x, y) {
    if (place.scale === 1) return;
    place.x += x;
    place.y += y;
    draw();
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = (event.target.closest(".window") ?? stage).getBoundingClientRect();
    zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.004), event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
  }, { passive: false });
  stage.addEventListener("pointermove", (event) => event.buttons && move(event.movementX, event.movementY));
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // its own keys; the view's would open it again
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.key.toLowerCase() === "z") dialog.close();
    else if (step) move(...step);
    else if (["+", "="].includes(event.key)) zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") zoom(0);
  });
  document.getElementById("view").append(dialog);
  dialog.showModal();
}
