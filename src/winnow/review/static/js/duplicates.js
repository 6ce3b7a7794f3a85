// Duplicate groups side by side: who stays and why, another one instead; and leaks between sets.

import { agreement, labelWords, outcomeBadge, sentence, verdictLine } from "./card.js";
import { className, data, get, originalUrl } from "./data.js";
import { fill, h, key, number, shown, toast, typing } from "./dom.js";
import { agreeOn, confirmImages, decideEach, decided, state, undo } from "./state.js";

// By key: words, which items belong to it, and what is said above them.
const LISTS = {
  conflict: ["Different labels", "One picture, several labels: at least one of them is wrong."],
  near: ["Near duplicates", "Almost the same picture: a crop, another size, a brighter copy."],
  exact: ["Exact copies", "All pixels are the same, and so is the label."],
  validation: ["Training and validation set", "What nearly equals a validation image leaves training: the network would be judged by what it learnt by heart."],
};
const SIDE = 300; // pixels at most for a picture, side by side
const LARGEST = 4; // times its own size

export function duplicatesView(view, { params, replace }) {
  let lists = null;
  let test = null;
  let list = params.get("list") in LISTS ? params.get("list") : "";
  let at = 0;
  let busy = false;
  let chosen = 0; // the member that Z enlarges
  const side = h("nav", { class: "side groups", "aria-label": "Lists of duplicates" });
  const bar = h("div", { class: "toolbar wrap" });
  const root = h("div", { class: "scroll duplicates" });

  const items = () => lists[list] ?? [];
  const item = () => items()[at];
  const isLeak = () => list === "validation";
  // Of a leak only the image in training is decided on here.
  const subjects = (it) => (it.leak ? [it.rows[0]] : it.rows);
  const done = (it) => subjects(it).every((row) => decided(data.ids[row])) || (it.leak && it.rows.length > 1 && Boolean(state.validation[data.ids[it.rows[1]]]));
  const left = (name) => lists[name].filter((it) => !done(it));

  function take(answer) {
    const groups = answer.groups;
    lists = {
      conflict: groups.filter((it) => it.conflict),
      near: groups.filter((it) => !it.conflict && !it.exact),
      exact: groups.filter((it) => !it.conflict && it.exact),
      validation: answer.validation.map((leak) => ({ leak, rows: leak.of >= 0 ? [leak.row, leak.of] : [leak.row], keeper: -1, members: [] })),
    };
    test = answer.test;
    if (!list) list = Object.keys(lists).find((name) => left(name).length) ?? "conflict";
    const row = Number(params.get("row") ?? -1);
    at = Math.max(0, row >= 0 ? items().findIndex((it) => it.rows.includes(row)) : items().findIndex((it) => !done(it)));
  }

  const remember = () => replace({ list, ...(item() ? { row: item().rows[0] } : {}) });

  // --- what is decided ---

  const agreed = (it) => subjects(it).map((row) => [data.ids[row], ...agreement(row)]);

  // One after the other: a second key must not decide on the group that the first one is still about.
  async function save(write, words) {
    if (busy) return;
    busy = true;
    const saved = await write();
    busy = false;
    if (!saved) return;
    toast(`${words}; U takes it back.`);
    on();
  }

  const accept = () => item() && save(() => decideEach(agreed(item())), "Accepted");

  // The one that a person names stays with the label it came with, and the rest of the group goes.
  function keepInstead(place) {
    const it = item();
    if (!it || it.leak || place >= it.rows.length) return null;
    return save(() => decideEach(it.rows.map((row, i) => [data.ids[row], i === place ? "keep" : "drop", null])), `Number ${place + 1} stays, the rest goes`);
  }

  const keepAll = () => item() && save(() => decideEach(subjects(item()).map((row) => [data.ids[row], "keep", null])), isLeak() ? "It stays in training" : "All stay");

  async function freeLeak() {
    const other = item()?.leak?.of ?? -1;
    if (other < 0) return;
    await save(() => confirmImages([[data.ids[other], data.arrays.final_label[other]]], "reject"), "It leaves the validation set, the other one stays in training");
  }

  async function acceptAll() {
    if (await agreeOn(left(list).flatMap(agreed))) draw();
  }

  async function takeBack() {
    if (busy) return;
    const ids = await undo();
    const row = data.row.get(ids[0]);
    for (const [name, of] of Object.entries(lists)) {
      const place = of.findIndex((it) => it.rows.includes(row));
      if (place >= 0 && (name === list || !items().some((it) => it.rows.includes(row)))) [list, at] = [name, place];
    }
    draw();
  }

  // --- where one stands ---

  function on() {
    const next = items().findIndex((it, place) => place > at && !done(it));
    at = next >= 0 ? next : Math.max(0, items().findIndex((it) => !done(it)));
    chosen = 0;
    draw();
  }

  function step(way) {
    at = Math.max(0, Math.min(items().length - 1, at + way));
    chosen = 0;
    draw();
  }

  // --- what is drawn ---

  function drawSide() {
    fill(side, h("h2", {}, "Duplicates"),
      h("ul", {}, Object.entries(LISTS).map(([name, [words]]) => {
        const open = left(name).length;
        return h("li", {}, h("button", { type: "button", class: "quiet wide", "data-list": name, "aria-current": name === list ? "true" : null, onclick: () => {
          list = name;
          at = Math.max(0, items().findIndex((it) => !done(it)));
          draw();
        } }, h("span", { class: "grow" }, words), h("span", { class: "count" }, lists[name].length === 0 ? "none" : open ? number(open) : "done")));
      })),
      h("h2", {}, "Training and test sets"),
      h("div", { id: "test-leaks", class: "small" }, test === null ? h("p", { class: "muted" }, "Not looked for yet: the whole dvc repro does.")
        : test.length === 0 ? h("p", {}, "No test image nearly equals an image of the archive.")
        : [h("p", {}, `${number(test.length)} test images nearly equal an image of the archive; the scorecard also counts without them.`),
          h("details", {}, h("summary", {}, "Which"), h("ul", {}, test.map((it) => h("li", { class: "id" }, `${it.set}: ${it.image_id}`))))]));
  }

  function size(it, row) {
    const member = it.members[it.rows.indexOf(row)];
    if (!member) return [SIDE * 0.7, SIDE * 0.7];
    const widest = Math.max(...it.members.map(({ width, height }) => Math.max(width, height)));
    const scale = Math.min(LARGEST, SIDE / widest);
    return [member.width * scale, member.height * scale];
  }

  function picture(it, row) {
    const [width, height] = size(it, row).map(Math.round);
    return h("img", { class: "pic", src: originalUrl(data.ids[row]), alt: "", width, height, "data-id": data.ids[row], draggable: "false" });
  }

  function member(it, row, place) {
    const known = it.members[place];
    const quality = data.arrays["score:label_quality_score"]?.[row];
    const role = it.leak ? (place ? "in the validation set" : it.leak.left ? "leaves training" : "dropped for another reason") : row === it.keeper ? "chosen for the group" : "";
    return h("figure", { class: `member ${place === chosen ? "chosen" : ""}`, onclick: () => {
      chosen = place;
      for (const [i, each] of [...root.querySelectorAll(".member")].entries()) each.classList.toggle("chosen", i === place);
    } },
      picture(it, row),
      h("figcaption", {},
        h("p", {}, h("strong", {}, `${place + 1}. ${labelWords(row)}`), role && h("span", { class: "tag" }, role)),
        outcomeBadge(row),
        known && h("p", {}, sentence(byNumber(it, known.reason))),
        h("dl", { class: "facts" },
          known && [h("dt", {}, "size"), h("dd", {}, `${known.width} × ${known.height}`), h("dt", {}, "file"), h("dd", {}, known.file_name)],
          Number.isFinite(quality) && [h("dt", {}, "label quality"), h("dd", {}, shown(quality))]),
        verdictLine(data.ids[row]),
        !it.leak && h("button", { type: "button", onclick: () => keepInstead(place) }, row === it.keeper ? `Keep this one, as ${className(data.arrays.label[row])} ` : `Keep this one instead, as ${className(data.arrays.label[row])} `, place < 9 && key(place + 1))));
  }

  // A reason speaks of images by their ids; here they stand side by side.
  const byNumber = (it, reason) => it.rows.reduce((text, row, i) => text.replaceAll(data.ids[row], `number ${i + 1}`), reason);

  function heading(it) {
    if (it.leak) return it.leak.of < 0 ? `Nearly equals ${it.leak.of_id || "a validation image"}` : "A pair";
    return `${it.rows.length} images, ${it.exact ? "the same pixels" : "nearly the same"}${it.similarity === null ? "" : `, cosine ${it.similarity.toFixed(3)}`}`;
  }

  function drawBar() {
    const it = item();
    const open = left(list).length;
    fill(bar,
      h("h1", {}, LISTS[list][0]),
      it && h("span", { class: "muted", id: "place" }, `${number(at + 1)} of ${number(items().length)}, ${number(open)} left`),
      h("span", { class: "grow" }),
      it && [
        h("span", { class: "group arrows" },
          h("button", { type: "button", "aria-label": "Back", disabled: at === 0, onclick: () => step(-1) }, key("←")),
          h("button", { type: "button", "aria-label": "On", disabled: at === items().length - 1, onclick: () => step(1) }, key("→"))),
        h("button", { type: "button", class: "quiet", disabled: !state.history.length, onclick: takeBack }, "Undo ", key("U")),
        isLeak() && it.leak.of >= 0 && h("button", { type: "button", id: "free", onclick: freeLeak }, "Take it out of the validation set ", key("X")),
        h("button", { type: "button", id: "keep-all", onclick: keepAll }, isLeak() ? "Keep, no copy " : "No copies, all stay ", key("K")),
        open > 1 && h("button", { type: "button", id: "accept-all", onclick: acceptAll }, `Accept all ${number(open)} left`),
        h("button", { type: "button", class: "primary", id: "accept", onclick: accept }, isLeak() ? "Accept: it leaves training " : "Accept ", key("Enter")),
      ]);
  }

  function draw() {
    drawSide();
    drawBar();
    const it = item();
    fill(root,
      h("p", { class: "muted" }, LISTS[list][1]),
      it ? [h("h2", { id: "heading" }, heading(it), done(it) && h("span", { class: "muted" }, ", decided")), h("div", { class: "members" }, it.rows.map((row, place) => member(it, row, place)))]
        : h("div", { class: "notice" }, h("p", {}, "None was found. The proposals have what else the pipeline would change."), h("a", { href: "#/proposals" }, "To the proposals")));
    remember();
    if (document.activeElement === document.body) bar.querySelector("#accept")?.focus({ preventScroll: true });
  }

  async function start() {
    try {
      take(await get("api/duplicates"));
    } catch (error) {
      return fill(root, h("p", { class: "error" }, error.message));
    }
    return draw();
  }

  fill(view, h("div", { class: "proposals" }, side, h("div", { class: "middle" }, bar, root)));
  start();
  return {
    leave() {},
    refresh: () => lists && draw(),
    undo: takeBack,
    row: () => item()?.rows[chosen],
    keydown(event) {
      if (typing(event) || !lists) return;
      const letter = event.key.toLowerCase();
      const own = event.target instanceof HTMLAnchorElement || event.target.tagName === "SUMMARY" || (event.target instanceof HTMLButtonElement && event.target.id !== "accept");
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else if (event.repeat) return;
      else if ((event.key === "Enter" && !own) || letter === "a") {
        event.preventDefault();
        accept();
      } else if (letter === "k") keepAll();
      else if (letter === "x" && isLeak()) freeLeak();
      else if (letter === "u") takeBack();
      else if (/^[1-9]$/.test(letter)) keepInstead(Number(letter) - 1);
    },
  };
}
