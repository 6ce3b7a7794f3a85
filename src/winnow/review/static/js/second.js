// A second reviewer: a CSV of their verdicts, where they differ from one's own, and how often they agree.

import { outcomeBadge } from "./card.js";
import { className, data, get, originalUrl, post } from "./data.js";
import { fill, h, key, number, toast, typing } from "./dom.js";
import { decide, select, state, takeOver, undo, wordsOf } from "./state.js";

const LISTS = { differ: "Verdicts that differ", new: "Verdicts on what you have not judged" };
const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");

export function secondView(view, { go }) {
  let compared = null;
  let list = "differ";
  let at = 0;
  let busy = false;
  const side = h("nav", { class: "side groups", "aria-label": "The second reviewer" });
  const bar = h("div", { class: "toolbar wrap" });
  const root = h("div", { class: "scroll second" });

  const items = () => compared?.[list] ?? [];
  const item = () => items()[at];
  const words = (verdict) => wordsOf({ ...verdict, label: className(verdict.label ?? -1) });

  // --- what is decided ---

  async function save(write, said) {
    if (busy || !item()) return;
    busy = true;
    const saved = await write();
    busy = false;
    if (!saved) return;
    toast(`${said}; U takes it back.`);
    await load();
  }

  const takeTheirs = () => save(() => takeOver([[data.ids[item().row], item().theirs]]), "Taken over");
  const takeAll = () => save(() => takeOver(items().map(({ row, theirs }) => [data.ids[row], theirs])), `${number(items().length)} taken over`);
  const verdict = (action, label = null) => save(() => decide([data.ids[item().row]], action, label), "Decided");

  async function takeBack() {
    if (busy) return;
    await undo();
    await load();
  }

  function step(way) {
    at = Math.max(0, Math.min(items().length - 1, at + way));
    draw();
  }

  // --- the file ---

  async function send(text) {
    try {
      ({ compared } = await post("api/second", { text }));
    } catch (error) {
      return toast(error.message, "error");
    }
    list = compared && !compared.differ.length && compared.new.length ? "new" : "differ";
    at = 0;
    return draw();
  }

  const file = h("input", { type: "file", accept: ".csv,text/csv", hidden: true, id: "second-file", "aria-label": "A CSV of verdicts", onchange: async () => {
    const chosen = file.files[0];
    file.value = ""; // so that the same one can be chosen again
    if (chosen) send(await chosen.text());
  } });
  const take = (words_, kind) => h("button", { type: "button", class: kind, id: "take-file", onclick: () => file.click() }, words_);

  // --- what is drawn ---

  function figures() {
    const line = (name, it) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, number(it.both)), h("td", { class: "number" }, number(it.agreed)), h("td", { class: "number" }, percent(it.agreed, it.both)), h("td", { class: "number" }, it.kappa === null ? "–" : it.kappa.toFixed(2)));
    return h("table", { class: "wide", id: "agreement" }, h("caption", {}, "Agreement, by the label that images came with"),
      h("thead", {}, h("tr", {}, ["class", "both judged", "agreed", "share", "Cohen’s kappa"].map((each, i) => h("th", { scope: "col", class: i ? "number" : "" }, each)))),
      h("tbody", {}, line("all", compared), compared.classes.map((it, k) => it.both > 0 && line(className(k), it))));
  }

  function drawSide() {
    fill(side, h("h2", {}, "Second reviewer"),
      h("ul", {}, Object.entries(LISTS).map(([name, title]) => h("li", {}, h("button", { type: "button", class: "quiet wide", "data-list": name, "aria-current": name === list ? "true" : null, onclick: () => {
        list = name;
        at = 0;
        draw();
      } }, h("span", { class: "grow" }, title), h("span", { class: "count" }, compared[name].length ? number(compared[name].length) : "none"))))),
      h("p", { class: "muted small" }, `${number(compared.only_ours)} images were judged by you alone.`),
      compared.notice && h("p", { class: "small" }, compared.notice),
      take("Another file …", ""), h("button", { type: "button", class: "quiet", id: "forget-file", onclick: () => send("") }, "Forget the file"));
  }

  function drawBar() {
    const it = item();
    fill(bar, h("h1", {}, LISTS[list]),
      it && h("span", { class: "muted", id: "place" }, `${number(at + 1)} of ${number(items().length)}`),
      h("span", { class: "grow" }),
      h("button", { type: "button", class: "quiet", disabled: !state.history.length, onclick: takeBack }, "Undo ", key("U")),
      it && [
        h("span", { class: "group arrows" },
          h("button", { type: "button", "aria-label": "Back", disabled: at === 0, onclick: () => step(-1) }, key("←")),
          h("button", { type: "button", "aria-label": "On", disabled: at === items().length - 1, onclick: () => step(1) }, key("→"))),
        h("button", { type: "button", class: "quiet", id: "as-gallery", onclick: () => {
          select(items().map(({ row }) => row), LISTS[list].toLowerCase());
          go("gallery");
        } }, "All in the gallery"),
        items().length > 1 && h("button", { type: "button", id: "take-all", onclick: takeAll }, `Take over all ${number(items().length)}`),
        h("button", { type: "button", class: "primary", id: "take-theirs", onclick: takeTheirs }, "Take over theirs ", key("Enter")),
      ]);
  }

  const said = (who, it) => h("section", {}, h("h2", {}, who), h("p", { class: "verdict" }, `${words(it)}, by ${it.reviewer}`), it.reason && h("p", { class: "muted" }, it.reason));

  function pair(it) {
    return h("div", { class: "pair" },
      h("figure", { class: "frame" }, h("img", { class: "pic", src: originalUrl(data.ids[it.row]), alt: "", width: 300, height: 300, "data-id": data.ids[it.row], draggable: "false" })),
      h("div", { class: "verdicts" },
        h("p", {}, "Came as ", h("strong", {}, className(data.arrays.label[it.row])), ". ", outcomeBadge(it.row)),
        it.ours ? said("You", it.ours) : h("p", { class: "muted" }, "You have not judged it."),
        said("The second reviewer", it.theirs),
        h("div", { class: "bar" },
          h("button", { type: "button", onclick: () => verdict("keep") }, "Keep ", key("K")), h("button", { type: "button", onclick: () => verdict("drop") }, "Drop ", key("D")),
          h("select", { "aria-label": "Relabel to", onchange: (event) => event.target.value !== "" && verdict("relabel", Number(event.target.value)) },
            h("option", { value: "" }, "Relabel to … (0–9)"), data.info.class_names.map((name, label) => h("option", { value: label }, label < 10 ? `${label} ${name}` : name)))),
        h("p", { class: "muted small id" }, data.ids[it.row])));
  }

  function draw() {
    side.hidden = bar.hidden = !compared;
    if (!compared) {
      return fill(root, h("div", { class: "notice" }, h("h1", {}, "No second reviewer"),
        h("p", {}, "Take a CSV of somebody else’s verdicts, in the form of data/review/decisions.csv: image_id, action, label, reviewer, reason. You see where the two of you differ, how often you agree, and take over what you like. The file alone decides nothing."),
        take("Take a CSV …", "primary"), file));
    }
    at = Math.max(0, Math.min(items().length - 1, at));
    drawSide();
    drawBar();
    fill(root, item() ? pair(item()) : h("p", { class: "muted" }, list === "differ" ? (compared.both ? "You agree on all that both judged." : "There is no image that both judged.") : "There is nothing that they alone judged."), figures(), file);
    if (document.activeElement === document.body) bar.querySelector("#take-theirs")?.focus({ preventScroll: true });
    return null;
  }

  async function load() {
    try {
      ({ compared } = await get("api/second"));
    } catch (error) {
      compared = null;
      draw();
      return toast(error.message, "error");
    }
    return draw();
  }

  fill(view, h("div", { class: "proposals" }, side, h("div", { class: "middle" }, bar, root)));
  load();
  return {
    leave() {},
    refresh: load,
    undo: takeBack,
    row: () => item()?.row,
    keydown(event) {
      if (typing(event) || !compared) return;
      const letter = event.key.toLowerCase();
      if (letter === "u" && !event.repeat) takeBack();
      if (!item()) return;
      const own = event.target instanceof HTMLAnchorElement || (event.target instanceof HTMLButtonElement && event.target.id !== "take-theirs");
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else if (event.repeat) return;
      else if ((event.key === "Enter" && !own) || letter === "a") {
        event.preventDefault();
        takeTheirs();
      } else if (letter === "k") verdict("keep");
      else if (letter === "d") verdict("drop");
      else if (/^\d$/.test(letter) && Number(letter) < data.info.class_names.length) verdict("relabel", Number(letter));
    },
  };
}
