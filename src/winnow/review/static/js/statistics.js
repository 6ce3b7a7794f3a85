// Statistics: classes, sizes, faults, reviewers; every bar opens its images.

import { className, data, get } from "./data.js";
import { badge } from "./card.js";
import { outcomeColour } from "./colours.js";
import { fill, h, number } from "./dom.js";
import { select } from "./state.js";

const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");

export function statisticsView(view, { go }) {
  const root = h("div", { class: "scroll statistics" });
  let figures = null;

  function open(rows, title) {
    select(rows, title);
    go("gallery");
  }

  const rowsWhere = (test) => [...data.ids.keys()].filter(test);

  // A bar that opens its images; `parts`: [share of the widest, colour].
  function bar(words, count, parts, onclick) {
    const strip = h("span", { class: "strip-bar", "aria-hidden": "true" }, parts.map(([share, colour]) => {
      const part = h("i", {});
      part.style.width = `${100 * share}%`;
      part.style.background = colour;
      return part;
    }));
    return h("td", { class: "barred" }, h("button", { type: "button", class: "quiet", disabled: !count, "aria-label": `${words}: ${number(count)} images`, onclick }, strip, h("span", { class: "count" }, number(count))));
  }

  function table(caption, head, lines) {
    return h("table", { class: "wide" }, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head.map((words, i) => h("th", { scope: "col", class: i > 1 ? "number" : "" }, words)))),
      h("tbody", {}, lines));
  }

  function classes() {
    const { label, final_label: final } = data.arrays;
    const most = Math.max(1, ...figures.classes.flatMap((it) => [it.given, it.final]));
    const drops = [...data.info.outcomes.keys()].filter((code) => !["keep", "relabel", "validation"].includes(data.info.outcomes[code].key));
    const dropped = figures.classes.map(() => new Map(drops.map((code) => [code, 0])));
    data.arrays.outcome.forEach((code, row) => dropped[label[row]]?.has(code) && dropped[label[row]].set(code, dropped[label[row]].get(code) + 1));
    const of = (key) => data.info.outcomes.find((it) => it.key === key);
    const parts = (it, k) => [[it.keep, of("keep")], [it.relabel, of("relabel")], ...drops.map((code) => [dropped[k].get(code), data.info.outcomes[code]])];
    const shown = [of("keep"), of("relabel"), ...drops.filter((code) => dropped.some((counts) => counts.get(code))).map((code) => data.info.outcomes[code])];
    const legend = h("p", { class: "bar legend" }, shown.map((outcome) => badge(outcome)));
    return [legend, table("Classes, by the label that images came with", ["class", "as they came: kept, relabelled, dropped", "after", "label quality", "verdicts", "of them as proposed"],
      figures.classes.map((it, k) => h("tr", {}, h("th", { scope: "row" }, className(k)),
        bar(`${className(k)} as it came`, it.given, parts(it, k).map(([count, outcome]) => [count / most, outcomeColour(outcome)]), () => open(rowsWhere((row) => label[row] === k), `came as ${className(k)}`)),
        h("td", { class: "number" }, h("button", { type: "button", class: "link", disabled: !it.final, "aria-label": `${className(k)} after: ${it.final} images`, onclick: () => open(rowsWhere((row) => final[row] === k), `are ${className(k)} now`) }, number(it.final))),
        h("td", { class: "number" }, it.quality === null ? "–" : it.quality.toFixed(2)),
        h("td", { class: "number" }, number(it.judged)),
        h("td", { class: "number" }, percent(it.agreed, it.judged)))))];
  }

  function grouped(caption, head, groups, none) {
    if (!groups.length) return h("section", {}, h("h2", {}, caption), h("p", { class: "muted" }, none));
    const most = Math.max(...groups.map(({ rows }) => rows.length));
    return table(caption, [head, "images"], groups.map(({ words, rows }) => h("tr", {}, h("th", { scope: "row" }, words),
      bar(words, rows.length, [[rows.length / most, "var(--accent)"]], () => open(rows, words)))));
  }

  function reviewers() {
    if (!figures.reviewers.length) return h("section", {}, h("h2", {}, "Reviewers"), h("p", { class: "muted" }, "No verdict yet. "), h("a", { href: "#/proposals" }, "To the proposals"));
    const most = Math.max(...figures.reviewers.map(({ rows }) => rows.length));
    return table("Reviewers", ["reviewer", "verdicts", "kept", "relabelled", "dropped", "as proposed"],
      figures.reviewers.map((it) => h("tr", {}, h("th", { scope: "row" }, it.reviewer),
        bar(`verdicts of ${it.reviewer}`, it.rows.length, [[it.rows.length / most, "var(--accent)"]], () => open(it.rows, `decided by ${it.reviewer}`)),
        ["keep", "relabel", "drop"].map((action) => h("td", { class: "number" }, number(it[action]))),
        h("td", { class: "number" }, percent(it.agreed, it.rows.length)))));
  }

  async function draw() {
    try {
      figures = await get("api/statistics");
    } catch (error) {
      return fill(root, h("p", { class: "error" }, error.message));
    }
    return fill(root, h("h1", {}, "Statistics"), h("p", {}, h("a", { href: "#/second" }, "Compare with a second reviewer")), classes(), h("div", { class: "tables" },
      grouped("Sizes", "pixels", figures.sizes, ""),
      grouped("Faults of the pictures", "fault", figures.faults, "No picture has a fault that was looked for."),
      reviewers()));
  }

  fill(view, h("div", { class: "middle whole" }, root));
  draw();
  return {
    leave() {},
    refresh: draw,
    repaint: draw,
    keydown(event) {
      const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
      const bars = [...root.querySelectorAll(".barred button:not(:disabled)")];
      event.preventDefault();
      bars[Math.max(0, Math.min(bars.length - 1, bars.indexOf(document.activeElement) + way))]?.focus();
    },
  };
}
