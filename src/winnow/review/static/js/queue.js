// One image at a time, those most worth a look first, one key per decision.

import { className, data, explained, originalUrl } from "./data.js";
import { agreeWords, agreement, digits, outcomeBadge, inWords, labelLine, sentence, thumb } from "./card.js";
import { fill, h, key, number, select, shown, typing } from "./dom.js";
import { decide, decided, setting, skip, state, undo, wordsOf } from "./state.js";

const LENGTH = 500;
const REASONS = { "rank:disagreement": "the detectors disagree", "rank:nearness": "a score is near its threshold", "rank:influence": "much hangs on it" };

export function queueView(view, { go, params }) {
  const { cuts } = data.info;
  const ranks = Object.fromEntries(Object.entries(data.info.ranks).map(([name, words]) => [`rank:${name}`, words]));
  const [first] = Object.keys(ranks);
  const orders = { ...ranks, ...Object.fromEntries(cuts.map((cut) => [`score:${cut.score}`, cut.worst_first])), selection: "the gallery’s selection" };
  const rising = new Set(cuts.filter((cut) => cut.lower_is_worse).map((cut) => `score:${cut.score}`));
  let order = params.get("order") || setting("queue.order") || first;
  let label = Number(setting("queue.class") ?? -1);
  let rows = [];
  let place = 0;
  if (!(order in orders) || (order === "selection" && !state.selection.length)) order = first;
  if (!(label < data.info.class_names.length)) label = -1;

  const root = h("div", { class: "queue" });
  const names = data.info.class_names;

  function build() {
    if (order === "selection") rows = [...state.selection];
    else {
      const values = data.arrays[order];
      const sign = rising.has(order) ? 1 : -1;
      rows = [];
      for (let row = 0; row < data.count; row++) if (label < 0 || data.arrays.label[row] === label) rows.push(row);
      if (order in ranks) rows = rows.filter((row) => !Number.isNaN(values[row])); // the others are not asked about
      if (values) rows.sort((a, b) => sign * (values[a] - values[b]) || a - b);
      // What a person decided before the last run is done and would only be in the way.
      rows = rows.filter((row) => !data.arrays.by_person[row] || state.decisions[data.ids[row]] === undefined).slice(0, LENGTH);
    }
    const open = rows.findIndex(isOpen);
    place = open < 0 ? 0 : open;
  }

  const isDone = (row) => Boolean(decided(data.ids[row]));
  const isOpen = (row) => !isDone(row) && !state.skipped.has(data.ids[row]);

  function next() {
    for (let i = 1; i <= rows.length; i++) {
      const candidate = (place + i) % rows.length;
      if (isOpen(rows[candidate])) {
        place = candidate;
        return draw();
      }
    }
    return draw();
  }

  function move(by) {
    place = Math.max(0, Math.min(rows.length - 1, place + by));
    draw();
  }

  let busy = false;
  async function act(action, newLabel = null) {
    if (busy || !rows.length) return;
    busy = true; // a key held down decides once
    const reason = root.querySelector("#reason")?.value.trim() || "";
    const saved = await decide([data.ids[rows[place]]], action, newLabel, reason);
    busy = false;
    if (saved) next();
    else draw();
  }

  async function takeBack() {
    const [id] = await undo();
    const back = rows.indexOf(data.row.get(id));
    if (back >= 0) place = back;
    draw();
  }

  function head() {
    const done = rows.filter(isDone).length;
    const skipped = rows.filter((row) => state.skipped.has(data.ids[row]) && !isDone(row)).length;
    const bar = h("progress", { max: rows.length || 1, value: done, "aria-label": "decided" });
    return h(
      "div", { class: "toolbar wrap" },
      select("Queue", Object.entries(orders).filter(([id]) => (id === "selection" ? state.selection.length : data.arrays[id])), order, (value) => {
        order = value;
        setting("queue.order", value);
        build();
        draw();
      }),
      select("Class", [["-1", "all classes"], ...names.map((name, i) => [String(i), name])], String(label), (value) => {
        label = Number(value);
        setting("queue.class", value);
        build();
        draw();
      }, { disabled: order === "selection" }),
      h("span", { class: "grow" }),
      h("span", { class: "progress", id: "progress" }, bar, ` ${number(done)} of ${number(rows.length)} decided`, skipped ? `, ${number(skipped)} skipped` : ""),
    );
  }

  function draw() {
    if (!rows.length) {
      fill(root, head(), h("div", { class: "notice" }, h("h1", {}, "Nothing to decide here"), h("p", {}, "Choose another queue or class.")));
      return;
    }
    const row = rows[place];
    const id = data.ids[row];
    const verdict = decided(id);
    const given = data.arrays.label[row];
    const suggested = data.arrays.suggested_label[row];
    const big = !data.info.pictures ? h("p", { id: "picture", "data-id": id }, inWords(row)) : h("img", { src: originalUrl(id), alt: `image ${id}, given as ${className(given)}`, class: "pic big", id: "picture", "data-id": id });
    // What is being written stays while the same image does, as when the window comes to the front again.
    const same = root.querySelector("#picture")?.dataset.id === id;
    const reason = same ? root.querySelector("#reason").value : verdict?.reason || "";
    const facts = h("div", { class: "told" }, h("p", { class: "muted" }, "Reading …"));
    const all = rows.length > 0 && rows.every((each) => !isOpen(each));
    fill(
      root,
      head(),
      all && h("p", { class: "done" }, `All of this queue is decided or skipped. ${data.info.views.includes("apply") ? "Apply (Y)" : "dvc repro"} puts it to work; or choose another queue.`),
      h("div", { class: "columns" },
        h("section", { class: "look", "aria-label": "The image" },
          h("div", { class: "frame" }, big),
          h("div", { class: "row between" },
            h("button", { type: "button", class: "quiet", onclick: () => move(-1), disabled: place === 0 }, "← Back"),
            h("span", { class: "muted" }, `${number(place + 1)} of ${number(rows.length)}`),
            h("button", { type: "button", class: "quiet", onclick: () => move(1), disabled: place === rows.length - 1 }, "On →"))),
        h("section", { class: "verdicts", "aria-label": "The verdict" },
          h("h1", {}, data.info.relabels ? `Is this “${className(given)}”?` : "Does this image stay?"),
          verdict && h("p", { class: "verdict" }, `Decided: ${wordsOf(verdict)}, by ${verdict.reviewer}`),
          !verdict && state.skipped.has(id) && h("p", { class: "verdict" }, "Skipped for now"),
          h("button", { type: "button", id: "agree", class: "primary", onclick: () => act(...agreement(row)), onkeydown: (event) => event.repeat && event.preventDefault() }, agreeWords(row), " ", key("A"), key("Enter")),
          h("div", { class: "actions" },
            h("button", { type: "button", id: "keep", onclick: () => act("keep") }, "Keep ", key("K")),
            h("button", { type: "button", id: "drop", onclick: () => act("drop") }, data.info.drop_words, " ", key("D")),
            h("button", { type: "button", id: "skip", onclick: () => doSkip() }, "Skip ", key("S")),
            h("button", { type: "button", id: "undo", class: "quiet", onclick: takeBack, disabled: !state.history.length }, "Undo ", key("U"))),
          data.info.relabels && h("h2", {}, "Or it is …"),
          data.info.relabels && h("div", { class: "labels" }, names.map((name, i) =>
            h("button", { type: "button", class: i === suggested && i !== given ? "suggested" : "", "aria-pressed": String(verdict?.action === "relabel" && verdict.label === name), onclick: () => act("relabel", i) },
              digits(i), h("span", {}, name), i === given ? h("small", {}, "given") : i === suggested ? h("small", {}, "suggested") : null))),
          h("label", { class: "field" }, h("span", {}, "Reason, if you like (R)"), h("input", { type: "text", id: "reason", maxlength: 300, autocomplete: "off", value: reason }))),
        facts),
    );
    if (document.activeElement === document.body) root.querySelector("#agree").focus({ preventScroll: true });
    explain(row, facts);
    preload();
  }

  function doSkip() {
    skip(data.ids[rows[place]]);
    next();
  }

  async function explain(row, facts) {
    let answer;
    try {
      answer = await explained(row);
    } catch (error) {
      fill(facts, h("p", { class: "error" }, error.message));
      return;
    }
    if (rows[place] !== row) return;
    const known = answer.explanation;
    const counterpart = data.arrays.counterpart[row];
    const reasons = Object.entries(REASONS).filter(([name]) => order !== first && name in data.arrays);
    const why = reasons.length ? reasons.reduce((best, entry) => (data.arrays[entry[0]][row] > data.arrays[best[0]][row] ? entry : best))[1] : known.worth_a_look;
    const pin = (other) => go("map", other);
    fill(
      facts,
      h("h2", {}, "What the pipeline made of it"),
      outcomeBadge(row),
      h("p", { class: "reason" }, sentence(known.reason)),
      labelLine(known),
      h("p", { class: "muted" }, `In the queue because ${why}. ${sentence(cuts.map((cut) => `${cut.title} ${shown(known[cut.score])}`).join(", "))}`),
      counterpart >= 0 && [h("h3", {}, "Counterpart"), h("div", { class: "strip" }, thumb(counterpart, { onclick: () => pin(counterpart) }))],
      h("h3", {}, "Nearest neighbours and their labels"),
      h("div", { class: "strip" }, answer.neighbours.map(([near]) => thumb(near, { onclick: () => pin(near) }))),
      h("p", { class: "muted small id" }, data.ids[row]),
    );
  }

  // The next pictures are there before they are asked for.
  function preload() {
    for (const row of data.info.pictures ? rows.slice(place + 1, place + 4) : []) new Image().src = originalUrl(data.ids[row]);
  }

  build();
  fill(view, root);
  draw();
  return {
    leave() {},
    refresh: draw,
    undo: takeBack,
    row: () => rows[place],
    keydown(event) {
      if (typing(event) || event.repeat) return;
      const letter = event.key.toLowerCase();
      if (letter === "a") rows.length && act(...agreement(rows[place]));
      else if (letter === "k") act("keep");
      else if (letter === "d") act("drop");
      else if (letter === "s") doSkip();
      else if (letter === "u") takeBack();
      else if (letter === "r") {
        event.preventDefault();
        root.querySelector("#reason")?.focus();
      } else if (event.key === "ArrowLeft") move(-1);
      else if (event.key === "ArrowRight") move(1);
      else if (data.info.relabels && /^\d$/.test(letter) && Number(letter) < names.length) act("relabel", Number(letter));
    },
  };
}
