// The frame: header, tabs, keys that work everywhere.

import { data, load, readOnly } from "./data.js";
import { currentMap, mapView } from "./map.js";
import { galleryView } from "./gallery.js";
import { setsView } from "./sets.js";
import { proposalsView } from "./proposals.js";
import { matricesView } from "./matrices.js";
import { duplicatesView } from "./duplicates.js";
import { groupsView } from "./groups.js";
import { queueView } from "./queue.js";
import { secondView } from "./second.js";
import { statisticsView } from "./statistics.js";
import { validationView } from "./validation.js";
import { whatIfView } from "./whatif.js";
import { applyView, applying, isRunning, onApply, watch } from "./apply.js";
import { pending } from "./pending.js";
import { fill, h, key, leaving, number, typing, writing } from "./dom.js";
import { isDark } from "./colours.js";
import { openZoom } from "./zoom.js";
import { openTags } from "./tags.js";
import { address, moved, open, replace, takeIn } from "./address.js";
import { loadVerdicts, onChange, reviewer, setting, state, undo } from "./state.js";

const ALL = { sets: ["Two sets", setsView], map: ["Map", mapView], gallery: ["Gallery", galleryView], proposals: ["Proposals", proposalsView], groups: ["Groups", groupsView], duplicates: ["Duplicates", duplicatesView], queue: ["Queue", queueView], matrices: ["Matrices", matricesView], statistics: ["Statistics", statisticsView], second: ["Second", secondView], whatif: ["What if", whatIfView], validation: ["Validation", validationView], apply: ["Apply", applyView] };
let VIEWS = {}; // those that make sense for what is shown, as the server says

const top = document.getElementById("top");
const main = document.getElementById("view");
let current = null;
let shownView = "";
let shownHere = null; // stands for the view as it was last opened

function go(name, row = null, params = {}) {
  open(name, params);
  show(name);
  if (row !== null && name === "map") currentMap()?.pin(row);
}

function show(name) {
  if (!(name in VIEWS)) [name] = Object.keys(VIEWS);
  current?.leave();
  if (main.contains(document.activeElement)) document.activeElement.blur();
  shownView = name;
  document.title = `${VIEWS[name][0]} · winnow review`;
  main.dataset.view = name;
  takeIn();
  // A view that was left while the server answered it no longer has the address, and opens nothing.
  const here = {};
  shownHere = here;
  const ifHere = (act) => (...given) => shownHere === here && act(...given);
  current = VIEWS[name][1](main, { go: ifHere(go), replace: ifHere((params) => replace(name, params)), params: address().params });
  drawTop();
}

const fillCount = () => document.getElementById("count")?.replaceChildren(standing());

function theme(value) {
  document.documentElement.dataset.theme = value;
}

// How many verdicts there are, and how many of them the pipeline has not applied yet.
function standing() {
  if (isRunning()) return `Applying: ${applying().stages.find((it) => it.state === "running")?.name ?? "…"}`;
  const waiting = pending().all;
  const given = Object.keys(state.decisions).length;
  const all = `${number(given)} ${given === 1 ? "verdict" : "verdicts"}`;
  return waiting ? h("span", {}, h("span", { class: "words" }, `${all}, `), `${number(waiting)} not applied`) : all;
}

function drawTop() {
  const tabs = h("nav", { "aria-label": "Views" }, Object.entries(VIEWS).map(([name, [words]]) =>
    h("a", { href: `#/${name}`, "aria-current": name === shownView ? "page" : null, onclick: (event) => {
      event.preventDefault();
      go(name);
    } }, words)));
  const toggle = (words, on, onclick) => h("button", { type: "button", class: "quiet", "aria-pressed": String(on), onclick }, words);
  const pixels = document.documentElement.dataset.pixels === "on";
  fill(
    top,
    h("span", { class: "brand" }, h("strong", {}, "winnow"), h("span", {}, " review")),
    tabs,
    h("span", { class: "grow" }),
    "apply" in VIEWS && h("a", { href: "#/apply", id: "count", title: state.notice || null, onclick: (event) => {
      event.preventDefault();
      go("apply");
    } }, standing()),
    !readOnly && !("apply" in VIEWS) && h("span", { id: "count", title: state.notice || "dvc repro applies them" }, standing()),
    readOnly && h("span", { class: "muted" }, "read-only copy"),
    !readOnly && h("label", { class: "inline" }, h("span", { class: "words" }, "Reviewer "), h("input", { id: "reviewer", type: "text", size: 9, title: "Reviewer", maxlength: 80, value: reviewer(), autocomplete: "off", spellcheck: "false", onchange: (event) => setting("reviewer", event.target.value.trim()) })),
    toggle("Pixels", pixels, () => {
      document.documentElement.dataset.pixels = pixels ? "off" : "on";
      setting("pixels", pixels ? "off" : "on");
      drawTop();
    }),
    toggle("Dark", isDark(), () => {
      const next = isDark() ? "light" : "dark";
      setting("theme", next);
      theme(next);
      drawTop();
      current?.repaint?.();
      currentMap()?.filters.draw();
      currentMap()?.repaint();
    }),
    h("button", { type: "button", class: "quiet", onclick: help }, "Keys ", key("?")),
  );
  const tab = tabs.querySelector("[aria-current]");
  if (tab && top.scrollWidth > top.clientWidth) top.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - top.clientWidth / 2;
  document.getElementById("problem")?.remove();
  if (state.problem) top.after(h("p", { id: "problem", class: "error banner", role: "alert" }, state.problem));
}

const LETTERS = { c: "sets", m: "map", b: "proposals", o: "groups", e: "duplicates", q: "queue", f: "matrices", t: "statistics", i: "second", w: "whatif", v: "validation", y: "apply" };
const letters = () => Object.entries(LETTERS).filter(([, name]) => name in VIEWS);
const keys = () => [
  ["everywhere", [[letters().map(([letter]) => letter.toUpperCase()).join(", "), letters().map(([, name]) => VIEWS[name][0].toLowerCase()).join(", ")], ["Z, double click", "the picture at its own resolution, to zoom into"], ["L", "tag the image, or all that are marked"], ["Ctrl+Z", "undo"], ["?", "this list"]]],
  ["queue", [["A, Enter", "agree with the pipeline"], ["K", "keep"], ["D", "drop"], ["0–9", "relabel to the class of that number"], ["S", "skip"], ["U", "undo"], ["R", "write a reason; Enter ends it"], ["← →", "look back and on"]]],
  ["map", [["arrows", "turn; with Shift, move"], ["+ −", "zoom"], ["N, P", "next and previous image"], ["A", "agree on the pinned image"], ["G", "show as gallery"], ["Esc", "let go"]]],
  ["gallery", [["arrows", "move"], ["space", "mark"], ["Shift+click", "mark all up to there"], ["A", "agree with the pipeline on all that are marked"], ["S", "the most similar to what is marked"], ["K, D, 0–9", "one verdict for all that are marked"], ["U", "undo"]]],
  ["proposals", [["arrows", "move"], ["space", "mark as wrong, or not"], ["D, 0–9", "what it is instead"], ["Enter, A", "on, then accept the rest"], ["U", "take the wall back"]]],
  ["groups", [["A", "agree with the pipeline on all of the group"], ["K, D, 0–9", "one verdict for all of the group"], ["arrows, space", "move; leave a picture out"], ["N, P", "next and previous group"], ["G", "the whole group as gallery"], ["U", "take the group back"]]],
  ["statistics", [["↑ ↓", "from bar to bar"], ["Enter", "open its images"]]],
  ["second", [["A, Enter", "take over the second reviewer’s verdict"], ["K, D, 0–9", "another verdict"], ["← →", "back and on; on leaves it as it is"], ["U", "undo"]]],
  ["duplicates", [["Enter, A", "accept the group"], ["1–9", "keep that one instead"], ["K", "no copies, all stay"], ["X", "out of the validation set (leaks)"], ["← →", "back and on"], ["U", "undo"]]],
  ["validation", [["C", "confirm"], ["X", "reject"], ["0–9", "class"], ["arrows", "move"], ["U", "undo"]]],
];

function help() {
  const dialog = h("dialog", { "aria-label": "Keys", onclose: () => dialog.remove() },
    h("div", { class: "row between" }, h("h1", {}, "Keys"), h("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    h("div", { class: "keys" }, keys().filter(([place]) => place in VIEWS || place === "everywhere").map(([place, list]) => h("section", {}, h("h2", {}, place), h("dl", {}, list.map(([name, words]) => [h("dt", {}, h("kbd", {}, name)), h("dd", {}, words)]))))));
  main.append(dialog);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (leaving(event)) return event.target.blur();
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && !writing(event)) {
    event.preventDefault();
    return readOnly ? null : current?.undo ? current.undo() : undo().then(() => current?.refresh?.());
  }
  if (!typing(event)) {
    const name = LETTERS[event.key.toLowerCase()];
    if (event.key === "?") return help();
    if (event.key.toLowerCase() === "z" && current?.row?.() !== undefined) return openZoom(current.row());
    const rows = event.key.toLowerCase() === "l" && !readOnly ? (current?.targets?.() ?? [current?.row?.()].filter((row) => row !== undefined)) : [];
    if (rows.length) {
      event.preventDefault();
      return openTags(rows, () => current?.refresh?.());
    }
    if (name && name in VIEWS && name !== shownView) return go(name);
  }
  return current?.keydown?.(event);
});
main.addEventListener("dblclick", (event) => {
  const row = event.target instanceof HTMLImageElement && !event.target.closest("dialog") ? data.row.get(event.target.dataset.id) : undefined;
  if (row !== undefined) openZoom(row);
});
window.addEventListener("hashchange", () => moved() && show(address().name));
window.addEventListener("popstate", () => moved() && show(address().name));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawTop();
  current?.repaint?.();
});
// Another tab may have decided in the meantime.
window.addEventListener("focus", () => !readOnly && loadVerdicts().then(() => current?.refresh?.(), () => {}));

async function start() {
  if (setting("theme")) theme(setting("theme"));
  document.documentElement.dataset.pixels = setting("pixels") || "off";
  try {
    await load();
    VIEWS = Object.fromEntries((readOnly ? ["map", "gallery"] : data.info.views).map((name) => [name, ALL[name]]));
    await loadVerdicts();
  } catch (error) {
    fill(main, h("div", { class: "notice" }, h("h1", {}, "The dataset cannot be shown"), h("p", { class: "error" }, error.message)));
    return;
  }
  onChange(drawTop);
  if ("apply" in VIEWS) {
    onApply(() => fillCount());
    watch();
  }
  // For tests and benchmarks: what is loaded, and a measure of the map's frames.
  globalThis.winnowReview = { data, state, measure: (frames) => currentMap()?.cloud?.measure(frames) ?? [], turning: (frames) => currentMap()?.cloud?.turning(frames) ?? [], map: currentMap };
  show(address().name);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
