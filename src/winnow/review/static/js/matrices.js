// The noise matrix and the confusion matrices as heat maps; a cell opens its pictures.

import { className, data, get } from "./data.js";
import { heat } from "./colours.js";
import { fill, h, number, select } from "./dom.js";
import { select as choose } from "./state.js";

// By key: title, what rows and columns are, and which array each is read from.
const KINDS = {
  "label:final_label": ["Given and final: what the pipeline changes", "given", "final"],
  "label:suggested_label": ["Given and suggested: the noise that the detectors see", "given", "suggested"],
  "true_label:label": ["True and given: the noise that the truth file knows", "true", "given"],
  "true_label:suggested_label": ["True and suggested: what the detectors confuse", "true", "suggested"],
  "true_label:final_label": ["True and final: what is left", "true", "final"],
};

export function matricesView(view, { go, params, replace }) {
  const names = data.info.class_names;
  let kind = params.get("kind") in KINDS ? params.get("kind") : "label:suggested_label";
  let truth = null;
  const root = h("div", { class: "scroll matrices" });

  const codes = (array) => (array === "true_label" ? truth : data.arrays[array]);

  function counted(rows, columns) {
    const counts = names.map(() => new Array(names.length).fill(0));
    for (let row = 0; row < data.count; row++) if (rows[row] >= 0 && columns[row] >= 0) counts[rows[row]][columns[row]]++;
    return counts;
  }

  function open(i, j) {
    const [down, across] = kind.split(":");
    if (kind === "label:suggested_label") return go("proposals", null, { given: i, suggested: j });
    const rows = [];
    for (let row = 0; row < data.count; row++) if (codes(down)[row] === i && codes(across)[row] === j) rows.push(row);
    choose(rows, `${KINDS[kind][1]} ${className(i)}, ${KINDS[kind][2]} ${className(j)}`);
    return go("gallery");
  }

  function draw() {
    const kinds = Object.entries(KINDS).filter(([key]) => truth || !key.startsWith("true_label"));
    if (!kinds.some(([key]) => key === kind)) kind = "label:suggested_label";
    const [title, down, across] = KINDS[kind];
    const [rows, columns] = kind.split(":").map(codes);
    const counts = counted(rows, columns);
    const most = Math.max(1, ...counts.flatMap((line, i) => line.filter((_, j) => i !== j)));
    const off = counts.flatMap((line, i) => line.filter((_, j) => i !== j)).reduce((sum, count) => sum + count, 0);
    const all = counts.flat().reduce((sum, count) => sum + count, 0);
    const cell = (count, i, j) => {
      const button = count > 0 && h("button", { type: "button", class: i === j ? "same" : "", "aria-label": `${down} ${className(i)}, ${across} ${className(j)}: ${count}`, onclick: () => open(i, j) }, number(count));
      if (button && i !== j) button.style.background = heat(Math.sqrt(count / most));
      return h("td", {}, button);
    };
    fill(root,
      h("div", { class: "row" }, h("h1", { class: "unseen" }, "Matrices"), select("Matrix", kinds.map(([key, [words]]) => [key, words]), kind, (value) => {
        kind = value;
        replace({ kind });
        draw();
      }, { id: "kind" })),
      h("p", { class: "muted" }, `${number(off)} of ${number(all)} images lie off the diagonal. Colours show the square root of the counts there; a cell opens its pictures.`),
      h("table", { class: "heat" }, h("caption", {}, title),
        h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "corner" }, `${down} ↓`, h("br"), `${across} →`), names.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, counts.map((line, i) => h("tr", {}, h("th", { scope: "row" }, names[i]), line.map((count, j) => cell(count, i, j)))))));
  }

  async function start() {
    ({ true_label: truth } = await get("api/truth").catch(() => ({ true_label: null })));
    draw();
    root.querySelector("button")?.focus({ preventScroll: true });
  }

  fill(view, h("div", { class: "middle whole" }, root));
  start();
  return {
    leave() {},
    repaint: draw,
    keydown(event) {
      const at = event.target.closest?.("td");
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!at || !step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const table = [...root.querySelectorAll("tbody tr")].map((line) => [...line.querySelectorAll("td")]);
      let [i, j] = [at.parentElement.rowIndex - 1, at.cellIndex - 1];
      do {
        i += step[0];
        j += step[1];
      } while (table[i]?.[j] && !table[i][j].firstChild);
      table[i]?.[j]?.querySelector("button")?.focus();
    },
  };
}
