// Many images at once: a selection, one verdict for all that are marked.

import { className, data, readOnly, scoreColumns } from "./data.js";
import { csvCell, download, fill, h, key, number, select as choice, toast, typing } from "./dom.js";
import { arrowStep, fillGrid, focusCell } from "./grid.js";
import { agreement, labelWords, outcomeBadge, outcomeName, picture, showCard } from "./card.js";
import { agreeOn, decide, decided, state, undo, wordsOf } from "./state.js";

const PAGE = 200;

export function exportCsv(rows) {
  const names = scoreColumns();
  const header = ["image_id", "label", "final_label", "suggested_label", "outcome", "verdict", "reviewer", ...names.map(([name]) => name.split(":")[1])];
  const lines = rows.map((row) => {
    const verdict = decided(data.ids[row]);
    const labels = ["label", "final_label", "suggested_label"].map((name) => (data.arrays[name][row] < 0 ? "" : className(data.arrays[name][row])));
    const scores = names.map(([name]) => (Number.isNaN(data.arrays[name][row]) ? "" : Number(data.arrays[name][row].toPrecision(7))));
    return [data.ids[row], ...labels, outcomeName(row), verdict ? wordsOf(verdict) : "", verdict?.reviewer ?? "", ...scores].map(csvCell).join(",");
  });
  download("winnow-selection.csv", `${header.join(",")}\n${lines.join("\n")}\n`);
  toast(`${number(rows.length)} images in winnow-selection.csv.`);
}

const memory = { order: "as they come", rising: true };

export function galleryView(view, { go }) {
  let rows = [];
  let shownCount = PAGE;
  let focused = 0;
  const marked = new Set();
  const grid = h("div", { class: "grid", role: "listbox", "aria-multiselectable": "true", "aria-label": "Images" });
  const card = h("aside", { class: "side card", "aria-label": "The image" }, h("h2", {}, "No image chosen"), h("p", { class: "muted" }, "Move with the arrow keys or click; the image shows up here."));
  const bar = h("div", { class: "toolbar wrap" });
  const more = h("div", { class: "more" });

  function sort() {
    rows = [...state.selection];
    const values = data.arrays[memory.order];
    if (values) {
      const far = (value) => (Number.isNaN(value) ? Infinity : memory.rising ? value : -value);
      rows.sort((a, b) => far(values[a]) - far(values[b]) || a - b);
    }
  }

  function cell(row, place) {
    const id = data.ids[row];
    const verdict = decided(id);
    const element = h(
      "div",
      { class: "cell", role: "option", "aria-selected": String(marked.has(row)), tabIndex: place === focused ? 0 : -1, "aria-label": `${labelWords(row)}, ${outcomeName(row)}${verdict ? `, ${wordsOf(verdict)}` : ""}`, "data-place": place,
        onclick: (event) => {
          focus(place);
          if (!readOnly) toggle(row, event.shiftKey ? place : null);
        } },
      picture(id, 96), h("span", { class: "cap" }, labelWords(row)), outcomeBadge(row), verdict && h("span", { class: "tag" }, wordsOf(verdict)),
    );
    return element;
  }

  let last = 0;
  function toggle(row, until = null) {
    if (until !== null) for (let i = Math.min(last, until); i <= Math.max(last, until); i++) marked.add(rows[i]);
    else if (marked.has(row)) marked.delete(row);
    else marked.add(row);
    last = focused;
    for (const element of grid.children) element.setAttribute("aria-selected", String(marked.has(rows[Number(element.dataset.place)])));
    drawBar();
  }

  function focus(place) {
    focused = Math.max(0, Math.min(place, rows.length - 1));
    if (focused >= shownCount) {
      shownCount = focused + PAGE;
      drawGrid();
    }
    focusCell(grid, focused);
    if (rows.length) showCard(card, rows[focused], { go: (row) => showCard(card, row, { go: () => {} }) });
  }

  function drawGrid() {
    fillGrid(grid, rows.slice(0, shownCount).map(cell), focused);
    fill(more, rows.length > shownCount && h("button", { type: "button", onclick: () => {
      shownCount += PAGE;
      drawGrid();
    } }, `Show ${number(Math.min(PAGE, rows.length - shownCount))} more of ${number(rows.length - shownCount)}`));
  }

  const targets = () => (marked.size ? [...marked] : rows.length ? [rows[focused]] : []);

  async function verdict(action, label = null) {
    const ids = targets().map((row) => data.ids[row]);
    if (!ids.length || readOnly) return;
    if (!(await decide(ids, action, label))) return drawBar();
    done(ids.length, action ? wordsOf(state.decisions[ids[0]]) : "verdict cleared");
  }

  async function agree() {
    const verdicts = targets().map((row) => [data.ids[row], ...agreement(row)]);
    if (!verdicts.length || readOnly) return;
    if (await agreeOn(verdicts)) done(verdicts.length, "as the pipeline says");
  }

  function done(count, words) {
    toast(`${number(count)} ${count > 1 ? "images" : "image"}: ${words}.`);
    marked.clear();
    redraw();
  }

  function drawBar() {
    const orders = [["as they come", "as they come"], ...scoreColumns()];
    fill(
      bar,
      h("strong", {}, `${number(rows.length)} images`), h("span", { class: "muted" }, state.title),
      choice("Sort by", orders, memory.order, (value) => {
        memory.order = value;
        redraw();
      }),
      h("button", { type: "button", id: "direction", onclick: () => {
        memory.rising = !memory.rising;
        redraw();
      } }, memory.rising ? "lowest first" : "highest first"),
      h("span", { class: "grow" }),
      !readOnly && rows.length > 0 && h("span", { class: "group" },
        h("button", { type: "button", id: "mark", onclick: () => {
          if (marked.size === rows.length) marked.clear();
          else rows.forEach((row) => marked.add(row));
          redraw();
        } }, marked.size === rows.length ? "Mark none" : "Mark all"),
        h("span", { "aria-live": "polite" }, marked.size ? `${number(marked.size)} marked:` : "This one:"),
        h("button", { type: "button", onclick: agree }, "Agree ", key("A")),
        h("button", { type: "button", onclick: () => verdict("keep") }, "Keep ", key("K")),
        h("button", { type: "button", onclick: () => verdict("drop") }, "Drop ", key("D")),
        h("select", { "aria-label": "Relabel to", onchange: (event) => event.target.value !== "" && verdict("relabel", Number(event.target.value)) },
          h("option", { value: "" }, "Relabel to … (0–9)"), data.info.class_names.map((name, label) => h("option", { value: label }, label < 10 ? `${label} ${name}` : name))),
        h("button", { type: "button", class: "quiet", onclick: () => verdict(null) }, "Clear"),
      ),
      h("button", { type: "button", onclick: () => exportCsv(marked.size ? [...marked] : rows) }, "Export CSV"),
    );
  }

  function redraw() {
    sort();
    drawGrid();
    drawBar();
  }

  if (!state.selection.length) {
    fill(view, h("div", { class: "notice" }, h("h1", {}, "Nothing is selected"), h("p", {}, "Filter or draw around images on the map, then “Gallery”."), h("button", { type: "button", class: "primary", onclick: () => go("map") }, "To the map")));
    return { leave() {} };
  }
  redraw();
  fill(view, h("div", { class: "gallery" }, h("h1", { class: "unseen" }, "Gallery"), h("div", { class: "middle" }, bar, h("div", { class: "scroll" }, grid, more)), card));
  focus(0);
  return {
    leave() {},
    undo: () => undo().then(redraw),
    row: () => rows[focused],
    refresh: () => {
      drawGrid();
      drawBar();
    },
    keydown(event) {
      if (typing(event)) return;
      const step = arrowStep(grid, event);
      const letter = event.key.toLowerCase();
      if (step) focus(focused + step);
      else if (readOnly) return;
      else if (event.key === " " && grid.contains(document.activeElement)) {
        event.preventDefault();
        toggle(rows[focused]);
      } else if (letter === "a") agree();
      else if (letter === "k") verdict("keep");
      else if (letter === "d") verdict("drop");
      else if (letter === "u") undo().then(redraw);
      else if (/^\d$/.test(letter) && Number(letter) < data.info.class_names.length) verdict("relabel", Number(letter));
    },
  };
}
