// Many images at once: a selection, one verdict for all that are marked.

import { data, readOnly, scoreColumns } from "./data.js";
import { bareSelect, fill, h, key, menu, number, toast, typing } from "./dom.js";
import { packRows, unpackRows } from "./address.js";
import { captionWith, fromAddress, likePicture, likeRows, likeWords, pictureOf } from "./similar.js";
import { Narrowing } from "./narrowing.js";
import { SavedViews } from "./saved_views.js";
import { VirtualGrid } from "./virtual.js";
import { agreement, labelWords, outcomeBadge, outcomeName, picture, showCard } from "./card.js";
import { exportCsv } from "./csv.js";
import { openTags, tagWords } from "./tags.js";
import { agreeOn, decide, decided, select, setting, state, undo, wordsOf } from "./state.js";

const CAPTIONS = 50; // pixels under a picture

export function galleryView(view, { params, replace }) {
  if (params.has("rows")) select(unpackRows(params.get("rows"), data.count), params.get("title") || "");
  let rows = [];
  let order = params.get("order") in data.arrays ? params.get("order") : "as they come";
  let rising = params.get("falling") === null;
  let size = Number(setting("gallery.size") ?? 96);
  let search = null; // what images are compared with, the most similar first
  let least = Number.NaN;
  const marked = new Set();
  const filters = new Narrowing(params, () => {
    marked.clear();
    redraw();
  });
  const views = readOnly ? null : new SavedViews(() => drawBar());
  const grid = new VirtualGrid((place) => cell(place), { label: "Images", multiple: true, extra: CAPTIONS, size });
  const card = h("aside", { class: "side card", "aria-label": "The image" }, h("h2", {}, "No image chosen"), h("p", { class: "muted" }, "Move with the arrow keys or click; the image shows up here."));
  const bar = h("div", { class: "toolbar wrap" });
  const file = h("input", { type: "file", accept: "image/*", hidden: true, id: "picture-file", "aria-label": "A picture from elsewhere", onchange: () => file.files[0] && look(likePicture(file.files[0])) });
  const none = h("div", { class: "notice", hidden: true }, h("h1", {}, "No image is like that"), h("button", { type: "button", class: "primary", onclick: () => all() }, "All images"));

  function build() {
    const from = state.selection.length ? state.selection : data.ids.keys();
    rows = [...from].filter((row) => filters.passes(row));
    const values = data.arrays[order];
    if (search) {
      const first = new Set(search.first);
      if (Number.isFinite(least)) rows = rows.filter((row) => search.values[row] >= least || first.has(row));
      rows.sort((a, b) => first.has(b) - first.has(a) || search.values[b] - search.values[a] || a - b);
    } else if (values) {
      const far = (value) => (Number.isNaN(value) ? Infinity : rising ? value : -value);
      rows.sort((a, b) => far(values[a]) - far(values[b]) || a - b);
    }
    none.hidden = rows.length > 0;
    grid.root.hidden = !rows.length;
  }

  function remember() {
    const kept = filters.entries();
    if (order !== "as they come") kept.push(["order", order]);
    if (!rising) kept.push(["falling", "1"]);
    if (search?.params) kept.push(...Object.entries(search.params));
    if (search?.params && Number.isFinite(least)) kept.push(["least", String(least)]);
    if (state.selection.length) kept.push(["title", state.title], ["rows", packRows(state.selection)]);
    replace(Object.fromEntries(kept));
  }

  // Show what is most like something: `asked` is one of the searches of similar.js.
  let newest = null; // an answer that comes after a later question is none
  async function look(asked, threshold = Number.NaN) {
    newest = asked;
    let found;
    try {
      found = await asked;
    } catch (error) {
      if (newest === asked) toast(error.message, "error");
      return;
    }
    if (!found || newest !== asked) return;
    search = found;
    least = threshold;
    marked.clear();
    grid.focused = 0;
    grid.root.scrollTop = 0;
    redraw();
    focus(0);
  }

  function findSimilar() {
    const chosen = targets();
    if (!chosen.length) return;
    select([], "");
    filters.clear();
    look(likeRows(chosen));
  }

  function searchBar() {
    if (readOnly) return null;
    const low = search ? search.values.reduce((a, b) => Math.min(a, b), 1) : 0;
    return h("span", { class: "group" },
      h("button", { type: "button", id: "similar", title: "What is most similar to this, or to those that are marked, first; a picture can also be pasted or dropped here", onclick: findSimilar }, marked.size > 1 ? `Similar to ${number(marked.size)} ` : "Similar ", key("S")),
      data.info.knows_words && h("input", { type: "search", id: "words", placeholder: "by words", "aria-label": "Find by words", value: search?.params?.words ?? "", onchange: (event) => event.target.value.trim() && look(likeWords(event.target.value.trim())) }),
      search && [
        h("strong", { id: "search" }, search.title),
        h("label", { class: "inline" }, "at least ", h("input", { type: "range", id: "least", min: Math.floor(100 * low) / 100, max: 1, step: 0.01, value: Number.isFinite(least) ? least : low, oninput: (event) => {
          least = Number(event.target.value);
          marked.clear();
          redraw();
        } }), h("output", {}, Number.isFinite(least) ? least.toFixed(2) : "any")),
        h("button", { type: "button", class: "quiet", onclick: all }, "End search"),
      ]);
  }

  function all() {
    select([], "");
    newest = search = null;
    least = Number.NaN;
    filters.clear();
    marked.clear();
    redraw();
  }

  // "dropped #blurry": the verdict and the tags.
  const told = (id) => [decided(id) && wordsOf(decided(id)), tagWords(id)].filter(Boolean).join(" ");

  function cell(place) {
    const row = rows[place];
    const id = data.ids[row];
    return h(
      "div",
      { class: "cell tile", role: "option", "aria-selected": String(marked.has(row)), "aria-label": `${labelWords(row)}, ${outcomeName(row)}${told(id) && `, ${told(id)}`}`, title: labelWords(row),
        onclick: (event) => {
          const until = event.shiftKey ? place : null;
          focus(place);
          if (!readOnly) toggle(row, until);
        } },
      picture(id, size), h("span", { class: "cap" }, search ? captionWith(row, search) : labelWords(row)), outcomeBadge(row), told(id) && h("span", { class: "tag" }, told(id)),
    );
  }

  let last = 0;
  function toggle(row, until = null) {
    if (until !== null) for (let i = Math.min(last, until); i <= Math.max(last, until); i++) marked.add(rows[i]);
    else if (marked.has(row)) marked.delete(row);
    else marked.add(row);
    last = grid.focused;
    for (const [place, element] of grid.cells) element.setAttribute("aria-selected", String(marked.has(rows[place])));
    drawBar();
  }

  function focus(place) {
    grid.focus(place);
    if (rows.length) focusCard();
  }

  const focusCard = () => showCard(card, rows[grid.focused], { go: (row) => showCard(card, row, { go: () => {} }) });

  const targets = () => (marked.size ? [...marked] : rows.length ? [rows[grid.focused]] : []);

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
    const orders = [["as they come", "by id"], ...scoreColumns()];
    const set = filters.entries().length;
    fill(
      bar,
      h("button", { type: "button", id: "filters", class: "narrow", "aria-expanded": String(bar.classList.contains("open")), onclick: () => {
        bar.classList.toggle("open");
        drawBar();
      } }, set ? `Filters: ${set}` : "Filters"),
      h("span", { class: "group filters" }, filters.fields()),
      !search && bareSelect("sort", orders, order, (value) => {
        order = value;
        redraw();
      }),
      !search && h("button", { type: "button", id: "direction", onclick: () => {
        rising = !rising;
        redraw();
      } }, rising ? "lowest first" : "highest first"),
      h("strong", { id: "shown" }, `${number(rows.length)} ${rows.length === 1 ? "image" : "images"}`), state.selection.length > 0 && h("span", { class: "muted" }, state.title),
      searchBar(),
      !search && rows.length < data.count && h("button", { type: "button", class: "quiet", id: "all", onclick: all }, "All images"),
      menu("More", "more",
        h("label", { class: "inline" }, "Size ", h("input", { type: "range", id: "size", min: 64, max: 256, step: 16, value: size, oninput: (event) => {
          size = Number(event.target.value);
          setting("gallery.size", String(size));
          grid.resize(size);
        } })),
        !readOnly && data.info.finds_pictures && [h("button", { type: "button", class: "quiet", onclick: () => file.click() }, "Similar to a picture …"), file],
        !readOnly && h("button", { type: "button", class: "quiet", onclick: () => verdict(null) }, "Clear the verdict"),
        views?.fields(),
        h("button", { type: "button", class: "quiet", onclick: () => exportCsv(marked.size ? [...marked] : rows) }, "Export CSV")),
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
        data.info.relabels && h("select", { "aria-label": "Relabel to", onchange: (event) => event.target.value !== "" && verdict("relabel", Number(event.target.value)) },
          h("option", { value: "" }, "Relabel to … (0–9)"), data.info.class_names.map((name, label) => h("option", { value: label }, label < 10 ? `${label} ${name}` : name))),
        h("button", { type: "button", class: "quiet", id: "tag-these", onclick: () => openTags(targets(), redraw) }, "Tag ", key("L")),
      ),
    );
  }

  function redraw() {
    build();
    grid.set(rows.length);
    drawBar();
    remember();
  }

  fill(view, h("div", { class: "gallery" }, h("h1", { class: "unseen" }, "Gallery"), h("div", { class: "middle" }, bar, grid.root, none), card));
  const take = (event) => {
    const file = readOnly || !data.info.finds_pictures ? null : pictureOf(event.clipboardData ?? event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    look(likePicture(file));
  };
  const over = (event) => event.preventDefault(); // or the browser would open what is dropped
  document.addEventListener("paste", take);
  view.addEventListener("drop", take);
  view.addEventListener("dragover", over);
  const asked = readOnly ? null : new URLSearchParams(params);
  redraw();
  focus(0);
  if (asked) look(fromAddress(asked), Number(asked.get("least") ?? Number.NaN));
  return {
    leave() {
      document.removeEventListener("paste", take);
      view.removeEventListener("drop", take);
      view.removeEventListener("dragover", over);
      grid.leave();
      newest = null;
    },
    undo: () => undo().then(redraw),
    row: () => rows[grid.focused],
    targets,
    refresh: () => {
      grid.redraw();
      drawBar();
      if (rows.length) focusCard();
    },
    keydown(event) {
      if (typing(event)) return;
      const step = grid.step(event);
      const letter = event.key.toLowerCase();
      if (step) focus(grid.focused + step);
      else if (readOnly) return;
      else if (event.key === " " && grid.grid.contains(document.activeElement)) {
        event.preventDefault();
        toggle(rows[grid.focused]);
      } else if (letter === "a") agree();
      else if (letter === "s") findSimilar();
      else if (letter === "k") verdict("keep");
      else if (letter === "d") verdict("drop");
      else if (letter === "u") undo().then(redraw);
      else if (data.info.relabels && /^\d$/.test(letter) && Number(letter) < data.info.class_names.length) verdict("relabel", Number(letter));
    },
  };
}
