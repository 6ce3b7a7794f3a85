// The gallery's filters: which images pass, what of them is in the address, and their fields.

import { data, readOnly } from "./data.js";
import { bareSelect } from "./dom.js";
import { allTags, decided, tagsOf } from "./state.js";

const WORDS = { label: "given", final_label: "final", outcome: "became", verdicts: "verdicts", tag: "tag" };
const ANY_TAG = "any";
const NO_TAG = "none";
const named = (tag) => `tag:${tag}`; // so that a tag may be called "none"

// Columns of the user's own, by array: words and options.
const ownFilters = () => Object.entries(data.info.own.words).map(([name, values]) => [`own:${name}`, name, values.map((value, code) => [String(code), value])]);

export class Narrowing {
  // `changed()` is called when a filter was chosen.
  constructor(params, changed) {
    this.changed = changed;
    this.own = ownFilters();
    this.values = Object.fromEntries([...Object.keys(WORDS), ...this.own.map(([name]) => name)].map((name) => [name, params.get(name) ?? ""]));
    this.byCode = ["label", "final_label", "outcome", ...this.own.map(([name]) => name)];
  }

  clear() {
    for (const name of Object.keys(this.values)) this.values[name] = "";
  }

  // For the address: [[name, value]].
  entries() {
    return Object.entries(this.values).filter(([, value]) => value !== "");
  }

  passes(row) {
    const id = data.ids[row];
    const { verdicts, tag } = this.values;
    if (verdicts && (verdicts === "yes") !== (Boolean(decided(id)) || data.arrays.by_person[row] === 1)) return false;
    if (tag) {
      const tags = tagsOf(id);
      if (tag === ANY_TAG ? !tags.length : tag === NO_TAG ? tags.length : !tags.some((each) => named(each) === tag)) return false;
    }
    return this.byCode.every((name) => this.values[name] === "" || data.arrays[name][row] === Number(this.values[name]));
  }

  field(name, options, words = WORDS[name]) {
    return bareSelect(words, [["", "all"], ...options], this.values[name], (value) => {
      this.values[name] = value;
      this.changed();
    }, { id: `filter-${name}` });
  }

  fields() {
    const classes = data.info.class_names.map((name, label) => [String(label), name]);
    const tags = allTags();
    return [
      this.field("label", classes), this.field("final_label", [...classes, ["-1", "none (dropped)"]]),
      this.field("outcome", data.info.outcomes.map((outcome, code) => [String(code), outcome.words])),
      this.own.map(([name, words, options]) => this.field(name, options, words)),
      !readOnly && this.field("verdicts", [["yes", "decided"], ["no", "not decided"]]),
      (tags.length > 0 || this.values.tag !== "") && this.field("tag", [[ANY_TAG, "with a tag"], [NO_TAG, "without a tag"], ...tags.map((tag) => [named(tag), tag])]),
    ];
  }
}
