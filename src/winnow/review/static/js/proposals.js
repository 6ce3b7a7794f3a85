// Proposals in groups: a wall of pictures, of which the wrong ones are marked and the rest is accepted at once.

import { labelWords, picture } from "./card.js";
import { className, data, get } from "./data.js";
import { fill, h, key, number, select, toast, typing } from "./dom.js";
import { agreeOn, decideEach, decided, setting, state, undo } from "./state.js";
import { VirtualGrid } from "./virtual.js";

const WALL = 200;
const ORDERS = [["certain", "most certain first"], ["spread", "a fair sample"]];
const percent = (share) => `${Math.round(100 * share)} %`;

export function proposalsView(view, { params, replace }) {
  let groups = [];
  let wrong = null;
  let wall = [];
  let shownGroup = params.get("group") || "";
  let order = params.get("order") === "spread" ? "spread" : "certain";
  let size = Number(setting("wall.size") ?? 88);
  let busy = false;
  let marks = new Map(); // of what is wrong on the wall: row to [action, label]
  const side = h("nav", { class: "side groups", "aria-label": "Groups of proposals" });
  const bar = h("div", { class: "toolbar wrap" });
  const told = h("p", { class: "told muted", id: "precision", "aria-live": "polite" });
  const grid = new VirtualGrid((place) => cell(place), { label: "Pictures of the group", multiple: true, extra: 20, size, moved: () => drawAccept() });
  const middle = h("div", { class: "middle" }, bar, told, grid.root);
  const empty = h("div", { class: "notice", hidden: true });
  const accept = h("button", { type: "button", class: "primary", id: "accept", onclick: () => onOrAccept() });

  const place = `winnow.wall.${data.info.version}`;
  function remember() {
    try {
      sessionStorage.setItem(place, JSON.stringify([...marks]));
    } catch {
      // A browser that keeps nothing only forgets what is marked.
    }
  }
  function recall() {
    try {
      marks = new Map(JSON.parse(sessionStorage.getItem(place) || "[]"));
    } catch {
      marks = new Map();
    }
  }

  // --- what is on the wall ---

  const cellOf = () => params.get("given") !== null && params.get("suggested") !== null;

  // A cell of the matrix of given and suggested labels: is it the suggestion?
  function matrixGroup() {
    const [given, suggested] = [Number(params.get("given")), Number(params.get("suggested"))];
    const { label, suggested_label: other } = data.arrays;
    const sure = data.arrays["score:suggested_confidence"];
    const rows = [];
    for (let row = 0; row < data.count; row++) if (label[row] === given && other[row] === suggested) rows.push(row);
    if (sure) rows.sort((a, b) => (sure[b] || 0) - (sure[a] || 0) || a - b);
    return { key: "cell", action: given === suggested ? "keep" : "relabel", given, new: suggested, title: "", rows, done: rows.filter((row) => decided(data.ids[row])) };
  }

  const group = () => (shownGroup === "cell" ? matrixGroup() : groups.find((it) => it.key === shownGroup));

  function proposal() {
    const it = group();
    return it.action === "relabel" ? ["relabel", it.new] : it.action === "keep" ? ["keep", null] : ["drop", null];
  }

  function left(it) {
    const done = new Set(it.done);
    return it.rows.filter((row) => !done.has(row) && !decided(data.ids[row]));
  }

  function build() {
    const it = group();
    const rows = it ? left(it) : [];
    // A fair sample takes every n-th from the most to the least certain.
    const pitch = order === "spread" ? Math.max(1, rows.length / WALL) : 1;
    const before = wall.join();
    wall = Array.from({ length: Math.min(WALL, rows.length) }, (_, i) => rows[Math.floor(i * pitch)]);
    const shown = new Set(wall);
    for (const row of [...marks.keys()]) if (!shown.has(row)) marks.delete(row);
    if (wall.join() !== before) {
      grid.root.scrollTop = 0;
      grid.focused = 0;
    }
    grid.set(wall.length); // the same wall, read anew, stays where it stands
  }

  const words = (it) => (it.action === "relabel" ? `${className(it.given)} → ${className(it.new)}` : it.action === "keep" ? `${className(it.given)}, as it came` : `drop: ${it.title}`);

  function exceptionWords([action, label], row) {
    return { keep: `stays ${className(data.arrays.label[row])}`, drop: "drop", relabel: `→ ${label === null ? "" : className(label)}` }[action];
  }

  function cell(i) {
    const row = wall[i];
    const mark = marks.get(row);
    const id = data.ids[row];
    return h("div", { class: `cell tile ${mark ? "wrong" : ""}`, role: "option", "aria-selected": String(Boolean(mark)), title: `${labelWords(row)} · ${id}`,
      "aria-label": `${words(group())}${mark ? `, wrong: ${exceptionWords(mark, row)}` : ""}, ${id}`, onclick: () => {
        grid.focus(i);
        toggle(i);
      } },
      picture(id, size), h("span", { class: "cap" }, mark ? `✗ ${exceptionWords(mark, row)}` : className(data.arrays.label[row])));
  }

  // --- what is decided ---

  function mark(i, verdict) {
    const row = wall[i];
    if (row === undefined) return;
    if (verdict) marks.set(row, verdict);
    else marks.delete(row);
    remember();
    grid.update(i);
    drawAccept();
  }

  // What is wrong to change or drop stays as it came, unless another key says what it is.
  const toggle = (i) => mark(i, marks.has(wall[i]) ? null : group().action === "keep" ? ["drop", null] : ["keep", null]);

  function markAs(action, label = null) {
    const row = wall[grid.focused];
    if (row === undefined) return;
    const verdict = action === "relabel" && label === data.arrays.label[row] ? ["keep", null] : [action, label];
    const [proposed, to] = proposal();
    mark(grid.focused, verdict[0] === proposed && (verdict[1] ?? null) === to ? null : verdict);
  }

  // Nobody accepts what was not in sight: until the end is, the key turns the page.
  function onOrAccept() {
    if (grid.seen < wall.length) return grid.page();
    return acceptWall();
  }

  async function acceptWall() {
    if (busy || !wall.length) return;
    busy = true;
    const verdicts = wall.map((row) => [data.ids[row], ...(marks.get(row) ?? proposal())]);
    const saved = await decideEach(verdicts);
    busy = false;
    if (!saved) return;
    const wrongs = wall.filter((row) => marks.has(row)).length;
    toast(`${number(wall.length - wrongs)} accepted${wrongs ? `, ${number(wrongs)} otherwise` : ""}; U takes the wall back.`);
    marks.clear();
    remember();
    await refresh();
  }

  async function acceptRest() {
    const it = group();
    const verdicts = left(it).map((row) => [data.ids[row], ...(marks.get(row) ?? proposal())]);
    if (busy || !(await agreeOn(verdicts))) return;
    marks.clear();
    remember();
    await refresh();
  }

  async function takeBack() {
    const ids = await undo();
    const first = data.row.get(ids[0]);
    const back = groups.find((it) => it.rows.includes(first));
    if (back && shownGroup !== "cell") shownGroup = back.key;
    await refresh();
  }

  // --- what is drawn ---

  function drawSide() {
    const it = group();
    const entry = (each) => {
      const open = left(each).length;
      return h("li", {}, h("button", { type: "button", class: "quiet wide", "data-key": each.key, "aria-current": each.key === shownGroup ? "true" : null, onclick: () => choose(each.key) },
        h("span", { class: "grow" }, words(each)), each.enough && open > 0 && h("span", { class: "tag" }, "enough"),
        h("span", { class: "count" }, open ? number(open) : "done")));
    };
    const list = (title, of) => of.length > 0 && [h("h2", {}, title), h("ul", {}, of.map(entry))];
    fill(side,
      wrong && h("p", { id: "wrong-labels" }, "Wrong labels expected: ", h("strong", {}, number(Math.round(wrong.left))), " left. ", h("span", { class: "muted small" }, `${number(Math.round(wrong.given))} as given, ${number(Math.round(wrong.proposed))} if nobody looks; from the probabilities of the detectors.`)),
      shownGroup === "cell" && it && h("button", { type: "button", onclick: () => choose(groups[0]?.key ?? "") }, "All proposals"),
      list("Relabel", groups.filter((each) => each.action === "relabel")),
      list("Drop", groups.filter((each) => each.action === "drop")));
  }

  function drawBar() {
    const it = group();
    if (!it) return;
    fill(bar,
      h("h1", {}, words(it)),
      h("span", { class: "muted", id: "left" }, `${number(left(it).length)} left of ${number(it.rows.length)}`),
      h("span", { class: "grow" }),
      select("Order", ORDERS, order, (value) => {
        order = value;
        remark();
        build();
      }),
      h("label", { class: "inline" }, "Size ", h("input", { type: "range", id: "size", min: 48, max: 240, step: 8, value: size, oninput: (event) => {
        size = Number(event.target.value);
        setting("wall.size", String(size));
        grid.resize(size);
      } })),
      h("button", { type: "button", class: "quiet", onclick: takeBack, disabled: !state.history.length }, "Undo ", key("U")),
      it.enough && left(it).length > 0 && h("button", { type: "button", id: "rest", onclick: acceptRest }, `Accept all ${number(left(it).length)} left`),
      accept);
    fill(told, it.key === "cell" ? "Click what is wrong, or press a class’s number on it; Enter decides on the rest."
      : it.judged ? [`${number(it.agreed)} of ${number(it.judged)} looked at were right. Of the whole group, ${percent(it.mean)} are expected to be (95 %: ${percent(it.low)} to ${percent(it.high)}). `,
        it.enough ? h("strong", {}, "Enough: more verdicts would hardly change this.") : order === "certain" ? "A fair sample narrows this fastest." : ""]
      : "Click what is wrong: it stays as it came. On a picture, D drops it and a number names its class. Enter accepts the rest.");
    drawAccept();
  }

  function drawAccept() {
    const wrongs = wall.filter((row) => marks.has(row)).length;
    const to = grid.seen < wall.length ? `On (${number(grid.seen)} of ${number(wall.length)} seen) ` : `Accept ${number(wall.length - wrongs)}${wrongs ? `, ${number(wrongs)} otherwise` : ""} `;
    if (accept.dataset.words !== to) fill(accept, to, key("Enter"));
    accept.dataset.words = to;
    accept.disabled = !wall.length;
  }

  const remark = () => replace(shownGroup === "cell" ? Object.fromEntries(params) : { group: shownGroup, ...(order === "spread" ? { order } : {}) });

  function draw() {
    if (!group() || (shownGroup !== "cell" && !left(group()).length)) shownGroup = (groups.find((it) => left(it).length) ?? groups[0])?.key ?? "";
    drawSide();
    const it = group();
    middle.hidden = !it;
    empty.hidden = Boolean(it);
    if (!it) return fill(empty, h("h1", {}, "No proposals"), h("p", {}, "The pipeline changes no label and drops no image. The queue has the images most worth a look."), h("a", { href: "#/queue" }, "To the queue"));
    remark();
    build();
    drawBar();
    if (!wall.length) told.textContent = "All of this group is decided. Apply (Y) puts the verdicts to work; or take another group.";
    if (document.activeElement === document.body || side.contains(document.activeElement)) grid.focus(0);
  }

  function choose(next) {
    shownGroup = next;
    draw();
  }

  async function refresh() {
    try {
      ({ groups, wrong_labels: wrong } = await get("api/proposals"));
    } catch (error) {
      middle.hidden = true;
      empty.hidden = false;
      return fill(empty, h("p", { class: "error" }, error.message));
    }
    return draw();
  }

  if (cellOf()) shownGroup = "cell";
  recall();
  fill(view, h("div", { class: "proposals" }, side, middle, empty));
  refresh();
  return {
    leave: () => grid.leave(),
    refresh,
    undo: takeBack,
    row: () => wall[grid.focused],
    keydown(event) {
      if (typing(event)) return;
      const letter = event.key.toLowerCase();
      if (letter === "u" && !event.repeat) takeBack(); // also where nothing is left to decide
      if (!wall.length) return;
      const step = grid.step(event);
      const own = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
      if (step) grid.focus(grid.focused + step);
      else if (event.repeat) return;
      else if ((event.key === "Enter" && !own) || letter === "a") {
        event.preventDefault();
        onOrAccept();
      } else if (event.key === " " && grid.grid.contains(document.activeElement)) {
        event.preventDefault();
        toggle(grid.focused);
      } else if (letter === "k") markAs("keep");
      else if (letter === "d") markAs("drop");
      else if (/^\d$/.test(letter) && Number(letter) < data.info.class_names.length) markAs("relabel", Number(letter));
    },
  };
}
