// What other thresholds would do.

import { className, data, get, post } from "./data.js";
import { thumb } from "./card.js";
import { fill, h, number, toast } from "./dom.js";
import { colourBeyond, histogram } from "./histogram.js";
import { select } from "./state.js";

const PAUSE_MS = 150; // of the slider, before pictures are drawn; the figures follow it at once
const PICTURES = 60;
let asked = null; // survives a change to another tab

export function whatIfView(view, { go }) {
  const controls = h("section", { class: "side", "aria-label": "Thresholds" });
  const figures = h("div", { class: "figures" }, h("p", { class: "muted" }, "Reading …"));
  const pictures = h("div", {});
  const results = h("div", { class: "scroll results" }, figures, pictures);
  let setup = null;
  let inFlight = false;
  let again = false;
  let answer = null;
  let pause = null;
  let left = false;

  async function start() {
    try {
      setup = await get("api/thresholds");
    } catch (error) {
      fill(figures, h("p", { class: "error" }, error.message));
      return;
    }
    if (!asked || Object.keys(asked).some((name) => !(name in setup.thresholds))) asked = { ...setup.thresholds };
    drawControls();
    ask();
  }

  async function ask() {
    if (inFlight) {
      again = true;
      return;
    }
    inFlight = true;
    const begun = performance.now();
    try {
      answer = await post("api/whatif", { thresholds: asked });
      drawFigures(performance.now() - begun);
      clearTimeout(pause);
      pause = setTimeout(drawPictures, PAUSE_MS);
    } catch (error) {
      toast(error.message, "error");
    }
    inFlight = false;
    if (again && !left) {
      again = false;
      ask();
    }
  }

  function set(name, value) {
    asked[name] = value;
    ask();
  }

  function control(name) {
    const { words, meaning, type, choices, minimum, maximum, span, saved } = setup.described[name];
    const id = `threshold-${name}`;
    const now = setup.thresholds[name];
    const noted = (value) => `${meaning}${value === now ? "" : ` (${saved ? "params.yaml" : "its rule"} has ${now})`}`;
    const note = (value) => h("span", { class: "muted small", id: `${id}-note` }, noted(value));
    if (type === "boolean") {
      return h("div", { class: "slider" }, h("label", {}, h("input", { type: "checkbox", id, checked: asked[name], onchange: (event) => set(name, event.target.checked) }), " ", words), note(asked[name]));
    }
    if (type === "string") {
      const told = note(asked[name]);
      return h("div", { class: "slider" }, h("label", { for: id }, words), h("select", { id, "aria-describedby": `${id}-note`, onchange: (event) => {
        told.textContent = noted(event.target.value);
        set(name, event.target.value);
      } }, choices.map((each) => h("option", { value: each, selected: each === asked[name] }, each.replaceAll("_", " ")))), told);
    }
    const whole = type === "integer";
    const [least, most, step] = span;
    const low = Math.min(least, asked[name], now);
    const high = Math.max(most, asked[name], now);
    const slider = h("input", { type: "range", id, min: low, max: high, step, value: asked[name], "aria-describedby": `${id}-note` });
    const box = h("input", { type: "number", min: minimum, max: maximum, step: whole ? 1 : "any", value: asked[name], "aria-label": `${words}, as a number` });
    const label = note(asked[name]);
    const scores = setup.histograms[name];
    const bars = scores && histogram(scores.counts);
    const colour = (value) => bars && colourBeyond(bars, value, { low: least, high: most, lowerIsWorse: scores.lower_is_worse });
    colour(asked[name]);
    const take = (value, other) => {
      if (Number.isNaN(value) || (minimum !== null && value < minimum) || (maximum !== null && value > maximum)) return;
      other.value = value;
      label.textContent = noted(value);
      colour(value);
      set(name, whole ? Math.round(value) : value);
    };
    slider.addEventListener("input", () => take(slider.valueAsNumber, box));
    box.addEventListener("input", () => take(box.valueAsNumber, slider));
    return h("div", { class: "slider" }, h("label", { for: id }, words), h("div", { class: "row" }, h("div", { class: "grow" }, slider, bars), box), label);
  }

  function drawControls() {
    fill(
      controls,
      h("h1", {}, "Thresholds"),
      // Lists, such as the faults that drop an image, stay as params.yaml has them.
      Object.keys(setup.thresholds).filter((name) => !Array.isArray(setup.thresholds[name])).map(control),
      h("button", { type: "button", class: "quiet", onclick: () => {
        asked = { ...setup.thresholds };
        drawControls();
        ask();
      } }, "Back to params.yaml"),
    );
  }

  async function save() {
    try {
      const saved = await post("api/params", { thresholds: asked, params_digest: setup.params_digest });
      setup.params_digest = saved.params_digest;
      setup.thresholds = { ...asked };
      toast("Saved to params.yaml; Apply (Y) puts it to work.");
      drawControls();
      ask();
    } catch (error) {
      toast(error.message, "error");
    }
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(answer.command);
      toast("Copied.");
    } catch {
      toast("The browser does not let the page copy; select the line and copy it by hand.", "error");
    }
  }

  const difference = (before, after) => {
    const change = after - before;
    return h("td", { class: "number" }, number(after), change ? h("span", { class: "change" }, ` ${change > 0 ? "+" : "−"}${number(Math.abs(change))}`) : null);
  };

  function drawFigures(ms) {
    const { before, after } = answer;
    const same = Object.keys(asked).every((name) => asked[name] === setup.thresholds[name]);
    const table = (caption, head, rows) => h("table", { class: "wide" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, head.map((words, i) => h("th", { scope: "col", class: i ? "number" : "" }, words)))), h("tbody", {}, rows));
    const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
    const truth = (name, words) => before.truth?.[name] !== undefined && [
      ["precision", "recall", "f1"].map((rate) => h("tr", {}, h("th", { scope: "row" }, `${words}, ${rate === "f1" ? "F1" : rate}`), h("td", { class: "number" }, percent(before.truth[name][rate])), h("td", { class: "number" }, percent(after.truth[name][rate])))),
    ];
    const right = (name, words) => before.truth?.[name] !== undefined && h("tr", {}, h("th", { scope: "row" }, words), h("td", { class: "number" }, percent(before.truth[name])), h("td", { class: "number" }, percent(after.truth[name])));
    fill(
      figures,
      h("div", { class: "command" }, h("code", { id: "command", tabIndex: 0 }, same ? h("span", { class: "muted" }, "Move a slider: the command that tries it as an experiment stands here.") : answer.command),
        h("button", { type: "button", disabled: same, onclick: copy }, "Copy as dvc command"),
        h("button", { type: "button", class: "primary", id: "save", disabled: same, onclick: save }, "Save to params.yaml")),
      h("p", { id: "changed", "aria-live": "polite" }, h("strong", {}, number(answer.changed)), ` images would be decided otherwise than by params.yaml now. `, h("span", { class: "muted small" }, `Answered in ${Math.round(ms)} ms.`)),
      h("div", { class: "tables" },
        table("Decisions", ["", "kept", "relabelled", "dropped"], [
          h("tr", {}, h("th", { scope: "row" }, "all classes"), ["keep", "relabel", "drop"].map((action) => difference(before.actions[action], after.actions[action]))),
          data.info.class_names.map((name, i) => h("tr", {}, h("th", { scope: "row" }, name), ["keep", "relabel", "drop"].map((action) => difference(before.per_class[action][i], after.per_class[action][i])))),
        ]),
        h("div", {},
          table("By rule", ["", "images"], [...new Set([...Object.keys(before.rules), ...Object.keys(after.rules)])].sort().map((rule) =>
            h("tr", {}, h("th", { scope: "row" }, setup.rules[rule] || rule.replaceAll("_", " ")), difference(before.rules[rule] || 0, after.rules[rule] || 0)))),
          before.truth && table("Against the truth file", ["", "now", "then"], [Object.entries(setup.targets).map(([key, words]) => truth(key, words)), right("labels_right", "labels right in training"), right("relabels_right", "relabels right")])),
      ),
    );
  }

  function drawPictures() {
    const { rows, changed } = answer;
    const show = () => {
      select(rows.map(([row]) => row), "would change with other thresholds");
      go("gallery");
    };
    fill(pictures, changed > 0 && [
      h("div", { class: "row between" }, h("h2", {}, "Images that would change"),
        h("button", { type: "button", onclick: show }, rows.length < changed ? `Show ${number(rows.length)} of them as gallery` : "Show as gallery")),
      h("div", { class: "strip tall" }, rows.slice(0, PICTURES).map(([row, was, old, becomes, label]) =>
        h("figure", {}, thumb(row, { caption: className(data.arrays.label[row]), onclick: () => go("map", row) }), h("figcaption", {}, `${verb(was, old)} → ${verb(becomes, label)}`)))),
    ]);
  }

  const verb = (action, label) => ({ keep: "keep", drop: "drop" }[action] || className(label));

  fill(view, h("div", { class: "whatif" }, controls, results));
  start();
  return {
    leave() {
      left = true;
      clearTimeout(pause);
    },
  };
}
