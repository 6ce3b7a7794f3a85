// The validation set: candidates of the dataset and external photos, confirmed by a person.

import { className, data, get, imageUrl } from "./data.js";
import { fill, h, key, number, typing } from "./dom.js";
import { arrowStep, fillGrid, focusCell } from "./grid.js";
import { confirmImages, setting, state, undo } from "./state.js";

export function validationView(view) {
  let answer = null;
  let label = Number(setting("validation.class") ?? 0);
  if (!(label < data.info.class_names.length)) label = 0;
  let items = [];
  let focused = 0;
  const classes = h("nav", { class: "side classes", "aria-label": "Classes" });
  const head = h("div", { class: "toolbar wrap" });
  const grid = h("div", { class: "grid large", role: "listbox", "aria-label": "Candidates" });
  const root = h("div", { class: "validation" }, classes, h("div", { class: "middle" }, head, h("div", { class: "scroll" }, grid)));

  // Every candidate: { id, label, row (-1 for external photos), photo }.
  function candidates() {
    const { final_label: final } = data.arrays;
    const chosen = answer.chosen.map((row) => ({ id: data.ids[row], label: final[row], row, photo: null }));
    const photos = answer.outside.map((photo) => ({ id: photo.image_id, label: photo.label, row: -1, photo }));
    const known = new Set([...chosen, ...photos].map((item) => item.id));
    // What a person confirmed stays in sight, also where the last run chose other images.
    const others = Object.entries(state.validation).filter(([id]) => !known.has(id) && data.row.has(id));
    return [...chosen, ...photos, ...others.map(([id, row]) => ({ id, label: indexOf(row.label, data.row.get(id)), row: data.row.get(id), photo: null }))];
  }

  function indexOf(name, row) {
    const found = data.info.class_names.indexOf(name);
    return found >= 0 ? found : /^\d+$/.test(name) ? Number(name) : data.arrays.label[row];
  }

  const verdictOf = (item) => state.validation[item.id]?.verdict ?? null;

  function draw() {
    const all = candidates();
    const confirmed = all.filter((item) => verdictOf(item) === "confirm");
    items = all.filter((item) => item.label === label);
    items.sort((a, b) => order(a) - order(b));
    focused = Math.min(focused, Math.max(items.length - 1, 0));
    const { least, most } = data.info.validation_limits;
    const lacking = data.info.class_names.filter((_, i) => !confirmed.some((item) => item.label === i));
    fill(
      classes,
      h("h2", {}, "Validation set"),
      h("p", { id: "confirmed" }, h("strong", {}, number(confirmed.length)), ` confirmed by people; ${number(least)} to ${number(most)} are allowed, at least one per class.`),
      confirmed.length < least || lacking.length
        ? h("p", { class: "muted small" }, lacking.length ? `None confirmed yet of ${lacking.slice(0, 4).join(", ")}${lacking.length > 4 ? " and others" : ""}. ` : "", "The pipeline fills up with its own choice what people leave open.")
        : h("p", { class: "muted small" }, "Every class has one."),
      h("ul", {}, data.info.class_names.map((name, i) => {
        const own = all.filter((item) => item.label === i);
        const seen = own.filter(verdictOf).length;
        return h("li", {}, h("button", { type: "button", class: "quiet wide", "aria-current": i === label ? "true" : null, onclick: () => choose(i) }, h("span", { class: "grow" }, name), h("span", { class: "count" }, `${seen} / ${own.length}`)));
      })),
    );
    const open = items.filter((item) => !verdictOf(item));
    const plain = open.filter((item) => order(item) >= 2);
    fill(
      head,
      h("h1", {}, className(label)),
      h("span", { class: "muted" }, `${number(items.length)} candidates, ${number(open.length)} not looked at`),
      h("span", { class: "grow" }),
      h("button", { type: "button", onclick: () => act("confirm") }, "Confirm ", key("C")),
      h("button", { type: "button", onclick: () => act("reject") }, "Reject ", key("X")),
      h("button", { type: "button", class: "quiet", onclick: takeBack, disabled: !state.history.length }, "Undo ", key("U")),
      h("button", { type: "button", onclick: confirmOpen, disabled: !plain.length, title: "Those with a warning are left for a look of their own." }, plain.length === open.length ? `Confirm all ${number(open.length)} left` : `Confirm ${number(plain.length)} without a warning`),
    );
    fillGrid(grid, items.length ? items.map(cell) : [h("p", { class: "muted" }, "No candidates in this class.")], focused);
  }

  // Photos that need a careful look come first.
  const order = (item) => (item.photo ? (item.photo.counterpart >= 0 ? 0 : item.photo.encoder_agrees ? 2 : 1) : 3);

  function cell(item, place) {
    const verdict = verdictOf(item);
    const { photo } = item;
    const words = photo ? "external photo" : "chosen by the pipeline";
    return h(
      "div",
      { class: `cell ${verdict || ""}`, role: "option", "aria-selected": String(place === focused), tabIndex: place === focused ? 0 : -1, "data-id": item.id, onclick: () => focus(place),
        "aria-label": `${words}${verdict ? `, ${verdict}ed` : ""}${photo && !photo.encoder_agrees ? ", the encoder disagrees" : ""}${photo && photo.counterpart >= 0 ? ", like an image of the dataset" : ""}` },
      h("img", { src: imageUrl(item.id), alt: "", class: "pic", width: 128, height: 128, loading: "lazy", draggable: "false" }),
      h("span", { class: "cap" }, photo ? photo.photo : "dataset"),
      photo && h("span", { class: "small muted" }, `external, ${photo.width} × ${photo.height}`),
      photo && !photo.encoder_agrees && photo.predicted_label >= 0 && h("span", { class: "warn" }, `encoder sees ${className(photo.predicted_label)} (${photo.predicted_confidence?.toFixed(2)})`),
      photo && photo.counterpart >= 0 && h("span", { class: "warn" }, "nearly equals this image of the dataset", h("img", { src: imageUrl(data.ids[photo.counterpart]), alt: "", class: "pic", width: 64, height: 64 })),
      photo && photo.same_as && h("span", { class: "warn" }, "same picture as another photo"),
      verdict && h("span", { class: "tag" }, verdict === "confirm" ? `✓ ${state.validation[item.id].reviewer}` : `✗ ${state.validation[item.id].reviewer}`),
    );
  }

  function choose(next) {
    label = next;
    focused = 0;
    setting("validation.class", String(next));
    draw();
    grid.querySelector("[tabindex='0']")?.focus();
  }

  function focus(place) {
    focused = Math.max(0, Math.min(place, items.length - 1));
    [...grid.children].forEach((element, i) => element.setAttribute("aria-selected", String(i === focused)));
    focusCell(grid, focused);
  }

  // One after the other: a quick second key means the next image, not the same one again.
  let line = Promise.resolve();
  const act = (verdict) => {
    line = line.then(() => decideFocused(verdict));
  };

  async function decideFocused(verdict) {
    const item = items[focused];
    if (!item) return;
    const saved = await confirmImages([[item.id, item.label]], verdict);
    draw();
    focus(saved ? focused + 1 : focused);
  }

  async function confirmOpen() {
    const plain = items.filter((item) => !verdictOf(item) && order(item) >= 2);
    if (plain.length) await confirmImages(plain.map((item) => [item.id, item.label]), "confirm");
    draw();
  }

  const takeBack = () => {
    line = line.then(undo).then(([id]) => {
      draw();
      const place = items.findIndex((item) => item.id === id);
      focus(place < 0 ? focused : place);
    });
  };

  async function start() {
    try {
      answer = await get("api/validation");
    } catch (error) {
      fill(root, h("p", { class: "error" }, error.message));
      return;
    }
    draw();
    focus(0);
  }

  fill(view, root);
  start();
  return {
    leave() {},
    refresh: () => answer && draw(),
    undo: takeBack,
    keydown(event) {
      if (typing(event) || event.repeat || !answer) return;
      const step = arrowStep(grid, event);
      const letter = event.key.toLowerCase();
      if (step) focus(focused + step);
      else if (letter === "c" || letter === "k") act("confirm");
      else if (letter === "x" || letter === "d") act("reject");
      else if (letter === "u") takeBack();
      else if (/^\d$/.test(letter) && Number(letter) < data.info.class_names.length) choose(Number(letter));
    },
  };
}
