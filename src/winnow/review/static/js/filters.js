// Which images are shown, and in which colours: the panel left of the map.

import { className, data, scoreColumns } from "./data.js";
import { SHAPES, classColour, classShape, outcomeColour, rampColour, rampCss, rgb, scoreRange } from "./colours.js";
import { fill, h, number, select, shown } from "./dom.js";
import { histogram } from "./histogram.js";
import { allTags, state, tagsOf } from "./state.js";

const LABELS = { label: "given label", final_label: "final label", suggested_label: "suggested label" };
const BARS = 40;

const title = (words) => words[0].toUpperCase() + words.slice(1);
// By array, the codes of the user's own words that are shown; -1 where an image has none.
const ownCodes = () => Object.fromEntries(Object.entries(data.info.own.words).map(([name, values]) => [`own:${name}`, new Set([...values.keys(), -1])]));

export class Filters {
  // `changed(what)` is called with "shown" or "colours".
  constructor(changed) {
    this.changed = changed;
    this.colour = "outcome";
    this.by = "label";
    this.outcomes = new Set(data.info.outcomes.keys());
    this.classes = new Set([...data.info.class_names.keys(), -1]);
    this.own = ownCodes();
    this.score = "score:label_quality_score" in data.arrays ? "score:label_quality_score" : scoreColumns()[0][0];
    this.range = [-Infinity, Infinity];
    this.verdicts = "all";
    this.tag = ""; // "" for all
    this.text = "";
    this.panel = h("section", { class: "side", "aria-label": "Filters" });
    this.draw();
  }

  // (N) 1 where an image is to be shown.
  mask() {
    const { outcome } = data.arrays;
    const label = data.arrays[this.by];
    const score = data.arrays[this.score];
    const ranged = this.range[0] > -Infinity || this.range[1] < Infinity;
    const text = this.text.toLowerCase();
    const own = Object.entries(this.own).map(([name, codes]) => [data.arrays[name], codes]);
    const mask = new Uint8Array(data.count);
    for (let row = 0; row < data.count; row++) {
      mask[row] =
        this.outcomes.has(outcome[row]) && this.classes.has(label[row]) && own.every(([values, codes]) => codes.has(values[row])) &&
        (!ranged || (score[row] >= this.range[0] && score[row] <= this.range[1])) ? 1 : 0;
    }
    if (text || this.tag || this.verdicts !== "all") {
      for (let row = 0; row < data.count; row++) {
        if (!mask[row]) continue;
        const has = Boolean(state.decisions[data.ids[row]]) || data.arrays.by_person[row] === 1;
        if ((this.verdicts === "yes" && !has) || (this.verdicts === "no" && has)) mask[row] = 0;
        if (this.tag && !tagsOf(data.ids[row]).includes(this.tag)) mask[row] = 0;
        if (text && !data.ids[row].toLowerCase().includes(text)) mask[row] = 0;
      }
    }
    return mask;
  }

  colours() {
    const result = new Uint8Array(4 * data.count);
    const paint = (of) => {
      for (let row = 0; row < data.count; row++) result.set(of(row), 4 * row);
    };
    if (this.colour === "outcome") {
      const table = data.info.outcomes.map((outcome) => rgb(outcomeColour(outcome)));
      paint((row) => table[data.arrays.outcome[row]]);
    } else if (this.colour in this.own) {
      paint((row) => (data.arrays[this.colour][row] < 0 ? [128, 128, 128] : rgb(classColour(data.arrays[this.colour][row]))));
    } else if (this.colour in LABELS) {
      const table = data.info.class_names.map((_, label) => rgb(classColour(label)));
      paint((row) => table[data.arrays[this.colour][row]] || [128, 128, 128]);
    } else {
      const [low, high] = scoreRange(this.colour);
      const values = data.arrays[this.colour];
      paint((row) => (Number.isNaN(values[row]) ? [128, 128, 128] : rampColour((values[row] - low) / (high - low))));
    }
    return result;
  }

  shapes() {
    const by = this.colour in LABELS || this.colour in this.own ? this.colour : null;
    return (row) => (by ? classShape(data.arrays[by][row]) : 0);
  }

  draw() {
    const words = Object.keys(data.info.own.words);
    const colours = [["outcome", data.info.outcome_title], ...words.map((name) => [`own:${name}`, name]), ...Object.entries(LABELS), ...scoreColumns()];
    fill(
      this.panel,
      select("Colour by", colours, this.colour, (value) => {
        this.colour = value;
        if (value in LABELS) this.by = value;
        this.draw();
        this.changed("colours");
      }, { id: "colour-by" }),
      this.ramp(),
      this.group(title(data.info.outcome_title), data.info.outcomes.map((outcome, code) => ({
        code, words: outcome.words, swatch: this.colour === "outcome" ? ["●", outcomeColour(outcome)] : null,
      })), this.outcomes, data.arrays.outcome),
      words.map((name) => this.group(title(name), data.info.own.words[name].map((value, code) => ({ code, words: value, swatch: this.colour === `own:${name}` ? [SHAPES[classShape(code)], classColour(code)] : null })), this.own[`own:${name}`], data.arrays[`own:${name}`])),
      select("Classes by", Object.entries(LABELS), this.by, (value) => {
        this.by = value;
        this.draw();
        this.changed("shown");
      }),
      this.group("Classes", [
        ...data.info.class_names.map((name, code) => ({ code, words: name, swatch: this.colour in LABELS ? [SHAPES[classShape(code)], classColour(code)] : null })),
        ...(this.by === "final_label" ? [{ code: -1, words: "none (dropped)", swatch: null }] : []),
      ], this.classes, data.arrays[this.by]),
      this.scoreRange(),
      select("Verdicts", [["all", "all images"], ["yes", "decided by a person"], ["no", "not decided by a person"]], this.verdicts, (value) => {
        this.verdicts = value;
        this.changed("shown");
      }),
      allTags().length > 0 && select("Tag", [["", "all images"], ...allTags().map((tag) => [tag, tag])], this.tag, (value) => {
        this.tag = value;
        this.changed("shown");
      }, { id: "map-tag" }),
      h("label", { class: "field" }, h("span", {}, "Part of the id"),
        h("input", { type: "search", value: this.text, spellcheck: "false", oninput: (event) => {
          this.text = event.target.value.trim();
          this.changed("shown");
        } })),
      h("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Show all again"),
    );
  }

  clear() {
    this.outcomes = new Set(data.info.outcomes.keys());
    this.classes = new Set([...data.info.class_names.keys(), -1]);
    this.own = ownCodes();
    Object.assign(this, { range: [-Infinity, Infinity], verdicts: "all", tag: "", text: "" });
    this.draw();
    this.changed("shown");
  }

  ramp() {
    if (this.colour === "outcome" || this.colour in LABELS || this.colour in this.own) return null;
    const [low, high] = scoreRange(this.colour);
    const bar = h("div", { class: "ramp", role: "img", "aria-label": `colours from ${shown(low)} to ${shown(high)}` });
    bar.style.background = rampCss();
    return h("div", {}, bar, h("div", { class: "row between muted small" }, h("span", {}, `≤ ${shown(low)}`), h("span", {}, `≥ ${shown(high)}`)));
  }

  group(title, items, chosen, array) {
    const counts = new Map();
    for (const code of array) counts.set(code, (counts.get(code) || 0) + 1);
    const rows = items.filter(({ code }) => counts.get(code));
    const all = rows.every(({ code }) => chosen.has(code));
    const toggleAll = () => {
      rows.forEach(({ code }) => (all ? chosen.delete(code) : chosen.add(code)));
      this.draw();
      this.changed("shown");
    };
    return h(
      "fieldset", {},
      h("legend", {}, title, " ", h("button", { type: "button", class: "link", onclick: toggleAll, "aria-label": `${all ? "none" : "all"} of ${title}` }, all ? "none" : "all")),
      rows.map(({ code, words, swatch }) => {
        const mark = swatch && h("span", { class: "swatch", "aria-hidden": "true" }, swatch[0]);
        if (mark) mark.style.color = swatch[1];
        const only = (event) => {
          event.preventDefault();
          rows.forEach((row) => chosen.delete(row.code));
          chosen.add(code);
          this.draw();
          this.changed("shown");
        };
        return h("div", { class: "check" },
          h("label", {}, h("input", { type: "checkbox", checked: chosen.has(code), onchange: (event) => {
            if (event.target.checked) chosen.add(code);
            else chosen.delete(code);
            this.changed("shown");
          } }), mark, h("span", { class: "grow" }, words)),
          h("span", { class: "count" }, number(counts.get(code))),
          h("button", { type: "button", class: "link only", onclick: only, "aria-label": `only ${words}` }, "only"));
      }),
    );
  }

  scoreRange() {
    const values = data.arrays[this.score];
    const [low, high] = scoreRange(this.score);
    const input = (end, words) => h("label", { class: "field half" }, h("span", {}, words), h("input", {
      type: "number", step: "any", placeholder: shown(end ? high : low), value: Number.isFinite(this.range[end]) ? this.range[end] : "",
      onchange: (event) => {
        const value = Number.parseFloat(event.target.value);
        this.range[end] = Number.isNaN(value) ? (end ? Infinity : -Infinity) : value;
        this.changed("shown");
      },
    }));
    return h("fieldset", {}, h("legend", {}, "Range of a score"),
      select("Score", scoreColumns(), this.score, (value) => {
        this.score = value;
        this.range = [-Infinity, Infinity];
        this.draw();
        this.changed("shown");
      }),
      histogram(counted(values, low, high)),
      h("div", { class: "row" }, input(0, "from"), input(1, "to")));
  }
}

function counted(values, low, high) {
  const counts = new Array(BARS).fill(0);
  for (const value of values) {
    if (!Number.isNaN(value)) counts[Math.min(BARS - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * BARS)))]++;
  }
  return counts;
}
