// Sliders over the map of a filtered dataset: what other numbers of redundant images and outliers would do.

import { data } from "./data.js";
import { h, number } from "./dom.js";

const NAMES = ["kept", "redundant", "outlier"];
const WORDS = { redundant: "redundant", outlier: "outliers" };
const KEYS = { redundant: "cut.similar", outlier: "cut.outliers" };

export class CutSliders {
  // `changed()` is called when outcomes and lines are others.
  constructor(changed) {
    const { outcome, counterpart } = data.arrays;
    this.changed = changed;
    this.was = { outcome: outcome.slice(), counterpart: counterpart.slice() };
    this.codes = Object.fromEntries(NAMES.map((name) => [name, data.info.outcomes.findIndex((it) => it.key === name)]));
    this.order = this.goingOrder();
    this.asked = Object.fromEntries(Object.keys(WORDS).map((name) => [name, data.info.cut[name].gone]));
    this.told = h("span", { id: "cut-told", "aria-live": "polite" });
    this.command = h("code", { id: "cut-command" });
    this.back = h("button", { type: "button", class: "quiet", id: "cut-reset", onclick: () => this.reset() }, "As it was cut");
    this.inputs = Object.entries(WORDS).map(([name, words]) =>
      h("label", { class: "inline" }, `${words} `, h("input", { type: "range", id: `cut-${name}`, min: 0, max: data.info.cut[name].most, value: this.asked[name], oninput: (event) => {
        this.asked[name] = Number(event.target.value);
        this.judge();
      } })));
    this.root = h("div", { class: "toolbar", role: "group", "aria-label": "Other cuts" }, this.inputs, this.told, this.back, this.command);
    this.tell();
  }

  // Rows in the order in which they go as redundant: first what went, then the others by rank.
  goingOrder() {
    const rank = data.arrays["score:removal_rank"];
    const able = [...data.ids.keys()].filter((row) => !Number.isNaN(rank[row]));
    const stays = (row) => this.was.outcome[row] !== this.codes.redundant;
    return able.sort((a, b) => stays(a) - stays(b) || rank[a] - rank[b]);
  }

  get isAsItWas() {
    return Object.keys(WORDS).every((name) => this.asked[name] === data.info.cut[name].gone);
  }

  // What a person decided, and splits that are not filtered, stay as they are.
  judge() {
    const { outcome, counterpart, by_person: byPerson, stays_for: staysFor } = data.arrays;
    const odd = data.arrays["score:outlier_rank"];
    outcome.set(this.was.outcome);
    counterpart.set(this.was.counterpart);
    if (!this.isAsItWas) {
      const { kept, redundant, outlier } = this.codes;
      const free = (row) => !byPerson[row] && this.was.outcome[row] <= Math.max(kept, redundant, outlier);
      for (const row of data.ids.keys()) if (free(row)) outcome[row] = odd[row] <= this.asked.outlier ? outlier : kept;
      let gone = 0;
      for (const row of this.order) {
        if (gone >= this.asked.redundant) break;
        if (!free(row) || outcome[row] !== kept) continue;
        outcome[row] = redundant;
        gone++;
      }
      for (const row of data.ids.keys()) {
        if (outcome[row] !== redundant) counterpart[row] = -1;
        else if (counterpart[row] < 0 || outcome[counterpart[row]] !== kept) {
          let other = staysFor[row];
          while (outcome[other] !== kept && staysFor[other] !== other) other = staysFor[other];
          counterpart[row] = outcome[other] === kept ? other : -1;
        }
      }
    }
    this.tell();
    this.changed();
  }

  tell() {
    const counts = Object.fromEntries(NAMES.map((name) => [name, 0]));
    for (const code of data.arrays.outcome) if (code < data.info.outcomes.length && data.info.outcomes[code].key in counts) counts[data.info.outcomes[code].key]++;
    this.told.textContent = `${number(counts.kept)} kept, ${number(counts.redundant)} redundant, ${number(counts.outlier)} outliers`;
    const settings = Object.entries(KEYS).map(([name, key]) => `-S ${key}=${(this.asked[name] / data.info.cut.images).toFixed(4)}`);
    this.command.textContent = this.isAsItWas ? "" : `dvc exp run ${settings.join(" ")}`;
    this.back.hidden = this.isAsItWas;
  }

  reset() {
    for (const [place, name] of Object.keys(WORDS).entries()) {
      this.asked[name] = data.info.cut[name].gone;
      this.inputs[place].querySelector("input").value = this.asked[name];
    }
    this.judge();
  }

  // Other views show what the pipeline did.
  leave() {
    data.arrays.outcome.set(this.was.outcome);
    data.arrays.counterpart.set(this.was.counterpart);
  }
}
