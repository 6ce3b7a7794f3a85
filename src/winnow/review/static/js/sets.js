// Two test sets side by side: why accuracy differs, the worst classes, and the way to the labels to judge.

import { className, data, get } from "./data.js";
import { inWords, thumb } from "./card.js";
import { outcomeColour } from "./colours.js";
import { fill, h, key, number } from "./dom.js";
import { select } from "./state.js";

const SETS = ["a", "b"];
const tenth = (share) => (Math.round(1000 * share) / 10 + 0).toFixed(1); // no -0.0
const points = ({ value, low, high }) => `${tenth(value)} (${tenth(low)} to ${tenth(high)})`;
const interval = ({ value, low, high }) => `${tenth(value)} % (${tenth(low)} to ${tenth(high)})`;

export function setsView(view, { go }) {
  const root = h("div", { class: "scroll sets", tabIndex: 0, role: "region", "aria-label": "Two sets" });
  let found = null;

  function gallery(rows, title) {
    select(rows, title);
    go("gallery");
  }

  const open = (row) => (data.info.views.includes("map") ? go("map", row) : gallery([row], "this row"));
  const judge = (which) => go("queue", null, { order: `rank:suspects_${which}` });

  // What the classifier answered; the label itself stands above.
  function answer(row) {
    const code = data.arrays["own:answer"]?.[row];
    return code === undefined ? "" : `answer ${className(code)}`;
  }

  function suspects() {
    const buttons = [...SETS].reverse().filter((which) => found.suspects[which]).map((which) =>
      h("button", { type: "button", class: which === "b" ? "primary" : "", id: `judge-${which}`, onclick: () => judge(which) },
        `Judge ${number(found.suspects[which])} suspected ${found.suspects[which] > 1 ? "labels" : "label"} of ${which.toUpperCase()} `, which === "b" && key("Enter")));
    return [
      h("div", { class: "bar" }, buttons.length ? buttons : h("p", { class: "muted" }, "No label is suspected, or all that were are judged.")),
      h("p", { class: "muted small" }, "A verdict takes a label for right, corrects it, or takes the row out; dvc repro applies it before the drop is explained."),
    ];
  }

  const cell = (words) => h("td", { class: "number" }, words);
  const head = (...words) => h("thead", {}, h("tr", {}, words.map((each, i) => h("th", { scope: "col", class: i ? "number" : "" }, each))));

  function figures() {
    const line = (which) => h("tr", {}, h("th", { scope: "row" }, which.toUpperCase()), cell(number(found.rows[which])), cell(interval(found.accuracy[which])));
    return h("div", { class: "tables" },
      h("table", { class: "wide", id: "accuracy" }, h("caption", {}, "Accuracy, labels as they came"), head("set", "rows", "right (95 % interval)"), h("tbody", {}, SETS.map(line))),
      h("table", { class: "wide", id: "parts" }, h("caption", {}, `Where the drop of ${points(found.drop)} points goes`), head("part", "points", "beyond chance"),
        h("tbody", {}, found.parts.map((part) => h("tr", {}, h("th", { scope: "row" }, part.words), cell(points(part)), cell(part.sure ? "yes" : "no"))))));
  }

  function side(it, which) {
    const { count, rows, all } = it.wrong[which];
    const recall = it.recall[which];
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = outcomeColour(data.info.outcomes.find(({ key: name }) => name === `${which}-wrong`));
    const shown = data.info.pictures
      ? h("div", { class: "strip" }, rows.map((row) => thumb(row, { caption: answer(row), label: `${which.toUpperCase()}: ${className(it.label)}, ${answer(row)}, ${data.ids[row]}`, onclick: () => open(row) })))
      : rows.map((row) => h("p", { class: "small near" }, h("button", { type: "button", class: "link", onclick: () => open(row) }, data.ids[row]), ` ${answer(row)}; nearest: ${found.near[row].map(([other]) => inWords(other)).join("; ") || "not known without features"}`));
    return h("section", { "aria-label": `${className(it.label)} in ${which.toUpperCase()}` },
      h("h3", { class: "badge" }, dot, `${which.toUpperCase()}: `, recall ? `${interval(recall)} of ${number(it.rows[which])} right` : "no rows"),
      count ? [shown, h("button", { type: "button", class: "link", onclick: () => gallery(all, `${className(it.label)} of ${which.toUpperCase()}, answered wrong`) }, count > rows.length ? `all ${number(count)} answered wrong, in the gallery` : "in the gallery")] : h("p", { class: "muted" }, "None is answered wrong."));
  }

  function classes() {
    return found.classes.map((it) => h("article", { class: "class" },
      h("h2", {}, className(it.label)),
      h("p", { class: "muted" }, [it.part && `${points(it.part)} points of the drop lie inside it${it.sure ? ", beyond chance" : ""}`, it.taken_for && `B’s wrong answers are mostly ${it.taken_for}`, it.withheld && `not told apart further: ${it.withheld}`].filter(Boolean).join("; ")),
      h("div", { class: "sides" }, SETS.map((which) => side(it, which)))));
  }

  function draw() {
    fill(root, h("h1", {}, "Two sets"), h("p", { class: "lead" }, found.verdict), suspects(), figures(),
      h("h1", {}, "The worst classes, side by side"), h("p", { class: "muted small" }, "By their part of the drop. Shown is what is answered wrong, evenly drawn."),
      classes(), found.more > 0 && h("p", { class: "muted" }, `${number(found.more)} more classes are in metrics/classes.csv.`));
    if (document.activeElement === document.body) root.querySelector(".bar button")?.focus({ preventScroll: true });
  }

  async function load() {
    try {
      found = await get("api/sets");
    } catch (error) {
      return fill(root, h("p", { class: "error" }, error.message));
    }
    return draw();
  }

  fill(view, h("div", { class: "middle whole" }, root));
  load();
  return { leave() {}, refresh: load, repaint: () => found && draw() };
}
