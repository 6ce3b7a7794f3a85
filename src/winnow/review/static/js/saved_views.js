// Saved views of the gallery: its filters, order and search by a name, for all who work on the dataset.

import { address, linkTo } from "./address.js";
import { get, post } from "./data.js";
import { askWords, h, select as choice, toast } from "./dom.js";
import { select } from "./state.js";

export class SavedViews {
  // `changed()` is called when the list has come or changed.
  constructor(changed) {
    this.views = {};
    this.changed = changed;
    this.load(get("api/views"));
  }

  async load(answer) {
    try {
      this.views = await answer;
      this.changed();
    } catch (error) {
      toast(error.message, "error");
    }
  }

  // What the address says now, as it is saved.
  get here() {
    const { name, params } = address();
    return linkTo(name, params).slice(2);
  }

  get current() {
    return Object.keys(this.views).find((name) => this.views[name] === this.here) ?? "";
  }

  async save() {
    const name = await askWords("Save this view as", this.current);
    if (name) await this.load(post("api/views", { name, address: this.here }));
  }

  open(name) {
    if (!(name in this.views)) return;
    select([], ""); // what the view shows is in its address alone
    location.hash = `#/${this.views[name]}`;
  }

  fields() {
    const names = Object.keys(this.views);
    return [
      names.length > 0 && choice("View", [["", "saved views …"], ...names.map((name) => [name, name])], this.current, (name) => this.open(name), { id: "views" }),
      h("button", { type: "button", class: "quiet", id: "save-view", onclick: () => this.save() }, "Save view"),
      this.current && h("button", { type: "button", class: "quiet", id: "forget-view", onclick: () => this.load(post("api/views", { name: this.current, address: null })) }, "Forget view"),
    ];
  }
}
