// Groups of alike images: a contact sheet of typical and odd members, and one verdict for all of a group.

import { agreement, labelWords, outcomeName, picture } from "./card.js";
import { className, data, get } from "./data.js";
import { fill, h, key, number, select as choice, toast, typing } from "./dom.js";
import { arrowStep, fillGrid, focusCell } from "./grid.js";
import { agreeOn, decide, decided, select, state, undo, wordsOf } from "./state.js";

const SHEET = 12; // typical members, and as many odd ones
const MANY = 5000; // images take a while
const NAMED = 4; // classes that are named; the others are counted
const SIZES = [["small", "8 images and more"], ["medium", "20 and more"], ["large", "60 and more"]];
const QUALITY = "score:label_quality_score";
// By key: words, the array that it needs, and what a group is sorted by, the lowest first.
const ORDERS = {
  doubtful: ["least likely labels first", QUALITY, (rows) => mean(rows, QUALITY)],
  foreign: ["most unlike the rest first", "score:ood_score", (rows) => -mean(rows, "score:ood_score")],
  apart: ["most unlike the others first", "apart", (rows) => -mean(rows, "apart")],
  largest: ["largest first", null, (rows) => -rows.length],
  gone: ["least kept first", null, (rows) => staying(rows)],
};

function mean(rows, array) {
  const values = rows.map((row) => data.arrays[array][row]).filter((value) => !Number.isNaN(value));
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : Number.NaN;
}

// Which share of a group the pipeline keeps.
const staying = (rows) => rows.filter((row) => data.arrays.final_label[row] >= 0).length / rows.length;
const alike = (count) => (count === 1 ? "1 image that is alone" : `${number(count)} alike images`);
const percent = (share) => `${Math.round(100 * share)} %`;

export function groupsView(view, { go, params, replace }) {
  let groups = [];
  let at = 0;
  let size = SIZES.some(([name]) => name === params.get("size")) ? params.get("size") : "medium";
  const sized = data.info.sized_groups ?? false; // else the pipeline made the groups
  const orders = Object.entries(ORDERS).filter(([, [, array]]) => array === null || array in data.arrays);
  let order = orders.some(([name]) => name === params.get("order")) ? params.get("order") : orders[0][0];
  let wanted = Number(params.get("row") ?? -1);
  let focused = 0;
  let busy = false;
  const out = new Set(); // members that the verdict leaves out
  const side = h("nav", { class: "side groups", "aria-label": "Groups of alike images" });
  const bar = h("div", { class: "toolbar wrap" });
  const told = h("p", { class: "told muted", id: "composition" });
  const grid = h("div", { class: "grid large", role: "listbox", "aria-label": "Typical and odd members", "aria-multiselectable": "true" });
  const root = h("div", { class: "scroll" }, grid);
  const empty = h("div", { class: "notice", hidden: true });
  const middle = h("div", { class: "middle" }, bar, told, root);

  const group = () => groups[at];
  const open = (rows) => rows.filter((row) => !decided(data.ids[row]));
  const targets = () => open(group()).filter((row) => !out.has(row));

  function sort() {
    const worth = new Map(groups.map((rows) => [rows, ORDERS[order][2](rows)]));
    const far = (value) => (Number.isNaN(value) ? Infinity : value);
    groups.sort((a, b) => far(worth.get(a)) - far(worth.get(b)) || a[0] - b[0]);
  }

  // The members on the sheet: the most typical, and the oddest of the rest, the oddest first.
  const typical = () => group().slice(0, SHEET);
  const odd = () => group().slice(Math.max(SHEET, group().length - SHEET)).reverse();
  const sheet = () => [...typical(), ...odd()];

  // [["cat", 12], ["lynx", 3]]: the most frequent first.
  function counted(words) {
    const counts = new Map();
    for (const each of words) counts.set(each, (counts.get(each) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // "12 cat, 3 lynx, 2 others"
  function composition(words) {
    const sorted = counted(words);
    const rest = sorted.slice(NAMED).reduce((sum, [, count]) => sum + count, 0);
    return [...sorted.slice(0, NAMED).map(([name, count]) => `${number(count)} ${name}`), ...(rest ? [`${number(rest)} others`] : [])].join(", ");
  }

  const given = (rows) => rows.map((row) => className(data.arrays.label[row]));

  // "cat, 80 %"
  function mostly(rows) {
    const [[name, count]] = counted(given(rows));
    return `${name}, ${percent(count / rows.length)}`;
  }

  // --- what is decided ---

  async function save(write, words) {
    const count = targets().length;
    if (busy || !count) return;
    busy = true;
    const saved = await write();
    busy = false;
    if (!saved) return drawBar();
    toast(`${number(count)} images: ${words}; U takes it back.`);
    const next = groups.findIndex((rows, place) => place > at && open(rows).length);
    const before = groups.findIndex((rows) => open(rows).length);
    stand(next >= 0 ? next : before >= 0 ? before : at);
  }

  const ids = () => targets().map((row) => data.ids[row]);
  const reason = () => (group().length === 1 ? "alone in its group" : `one of ${group().length} alike images, judged as a group`);
  const verdict = (action, label = null) => save(() => decide(ids(), action, label, reason()), wordsOf({ action, label: className(label ?? -1) }));
  const agree = () => save(() => agreeOn(targets().map((row) => [data.ids[row], ...agreement(row)]), reason()), "as the pipeline says");

  async function takeBack() {
    if (busy) return;
    const back = new Set((await undo()).map((id) => data.row.get(id)));
    const place = groups.findIndex((rows) => rows.some((row) => back.has(row)));
    stand(place >= 0 ? place : at);
  }

  // --- where one stands ---

  function stand(place) {
    at = Math.max(0, Math.min(groups.length - 1, place));
    focused = 0;
    out.clear();
    root.scrollTop = 0;
    draw();
    side.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  function leaveOut(place) {
    const row = sheet()[place];
    if (out.has(row)) out.delete(row);
    else out.add(row);
    focused = place;
    drawSheet();
    drawBar();
  }

  function whole() {
    select(group(), `a group of ${alike(group().length)}`);
    go("gallery");
  }

  // --- what is drawn ---

  function cell(row, place) {
    const it = decided(data.ids[row]);
    return h("div", { class: `cell ${out.has(row) ? "wrong" : ""}`, role: "option", "aria-selected": String(out.has(row)), tabIndex: place === focused ? 0 : -1, title: `${labelWords(row)}, ${outcomeName(row)} · ${data.ids[row]}`,
      "aria-label": `${place < typical().length ? "typical" : "odd"}: ${labelWords(row)}, ${outcomeName(row)}${out.has(row) ? ", left out" : ""}`,
      onclick: () => leaveOut(place) },
      picture(data.ids[row], 112), h("span", { class: "cap" }, out.has(row) ? "✗ left out" : `${place < typical().length ? "" : "odd: "}${labelWords(row)}`), it && h("span", { class: "tag" }, wordsOf(it)));
  }

  const drawSheet = () => fillGrid(grid, sheet().map(cell), focused);

  function drawSide() {
    fill(side,
      sized && choice("Groups of", SIZES, size, (value) => {
        size = value;
        load();
      }, { id: "group-size" }),
      choice("Order", orders.map(([name, [words]]) => [name, words]), order, (value) => {
        order = value;
        sort();
        stand(0);
      }, { id: "group-order" }),
      h("p", { class: "muted small" }, `${number(groups.length)} groups of ${number(groups.reduce((sum, rows) => sum + rows.length, 0))} images${sized ? "; the others lie between them" : ", as in the report"}.`),
      h("ul", {}, groups.map((rows, place) => {
        const left = open(rows).length;
        return h("li", {}, h("button", { type: "button", class: "quiet wide", "aria-current": place === at ? "true" : null, onclick: () => stand(place) },
          picture(data.ids[rows[0]], 32), h("span", { class: "grow" }, mostly(rows), h("span", { class: "muted small" }, `${percent(staying(rows))} stay`)), h("span", { class: "count" }, left ? number(left) : "done")));
      })));
  }

  function drawBar() {
    const rows = group();
    const count = targets().length;
    const button = (words, letter, onclick, more = {}) => h("button", { type: "button", disabled: !count, onclick, ...more }, words, " ", key(letter));
    fill(bar,
      h("h1", {}, alike(rows.length)),
      h("span", { class: "muted", id: "place" }, `group ${number(at + 1)} of ${number(groups.length)}`),
      h("span", { class: "grow" }),
      h("span", { id: "targets", "aria-live": "polite" }, count ? `All ${number(count)}${out.size ? `, without ${number(out.size)}` : ""}:` : "All decided"),
      button("Agree", "A", agree, { class: "primary", id: "agree" }), button("Keep", "K", () => verdict("keep")), button("Drop", "D", () => verdict("drop"), { id: "drop" }),
      data.info.relabels && h("select", { "aria-label": "Relabel to", disabled: !count, onchange: (event) => event.target.value !== "" && verdict("relabel", Number(event.target.value)) },
        h("option", { value: "" }, "Relabel to … (0–9)"), data.info.class_names.map((name, label) => h("option", { value: label }, label < 10 ? `${label} ${name}` : name))),
      h("button", { type: "button", class: "quiet", disabled: !state.history.length, onclick: takeBack }, "Undo ", key("U")),
      h("button", { type: "button", class: "quiet", id: "whole", onclick: whole }, "Gallery ", key("G")));
    const quality = QUALITY in data.arrays ? mean(rows, QUALITY) : Number.NaN;
    fill(told, `Given as ${composition(given(rows))}. The pipeline: ${composition(rows.map(outcomeName))}; ${percent(staying(rows))} stay.`,
      Number.isFinite(quality) ? ` Mean label quality ${quality.toFixed(2)}.` : "",
      " Typical members come first, then the oddest; click one to leave it out.");
  }

  function draw() {
    empty.hidden = groups.length > 0;
    middle.hidden = !groups.length;
    drawSide();
    if (!groups.length) return;
    drawBar();
    drawSheet();
    replace({ ...(size === "medium" ? {} : { size }), ...(order === orders[0][0] ? {} : { order }), row: group()[0] });
    if (document.activeElement === document.body) focusCell(grid, focused);
  }

  async function load() {
    fill(empty, h("h1", {}, "Groups"), h("p", { role: "status" }, `Looking for groups in ${number(data.count)} images${sized && data.count > MANY ? "; some seconds, the first time." : " …"}`));
    empty.hidden = false;
    middle.hidden = true;
    const asked = size;
    let answer;
    try {
      answer = await get(sized ? `api/groups?size=${asked}` : "api/groups");
    } catch (error) {
      return fill(empty, h("p", { class: "error" }, error.message));
    }
    if (asked !== size) return null; // of another size by now
    groups = answer.groups ?? [];
    fill(empty, h("h1", {}, "No groups"), h("p", {}, answer.groups ? "Nowhere on the map do so many images lie close together; try smaller groups." : "Groups are made of the map, which has not been built yet; dvc repro project_map does."));
    sort();
    const place = groups.findIndex((rows) => rows.includes(wanted));
    wanted = -1;
    return stand(place >= 0 ? place : Math.max(0, groups.findIndex((rows) => open(rows).length)));
  }

  fill(view, h("div", { class: "proposals" }, side, middle, empty));
  load();
  return {
    leave() {},
    refresh: () => groups.length && draw(),
    undo: takeBack,
    targets: () => (groups.length ? group().filter((row) => !out.has(row)) : []),
    row: () => (groups.length ? sheet()[focused] : undefined),
    keydown(event) {
      if (typing(event) || !groups.length) return;
      const step = arrowStep(grid, event);
      const letter = event.key.toLowerCase();
      if (step) {
        focused = Math.max(0, Math.min(sheet().length - 1, focused + step));
        focusCell(grid, focused);
      } else if (letter === "n") stand(at + 1);
      else if (letter === "p") stand(at - 1);
      else if (event.repeat) return;
      else if (event.key === " " && grid.contains(document.activeElement)) {
        event.preventDefault();
        leaveOut(focused);
      } else if (letter === "a") agree();
      else if (letter === "k") verdict("keep");
      else if (letter === "d") verdict("drop");
      else if (letter === "g") whole();
      else if (letter === "u") takeBack();
      else if (data.info.relabels && /^\d$/.test(letter) && Number(letter) < data.info.class_names.length) verdict("relabel", Number(letter));
    },
  };
}
