// A grid of any length that holds only the cells in sight, and that arrow keys move through.

import { h } from "./dom.js";

const GAP = 8;
const SHOWN = 0.75; // of a cell's height in sight counts as seen

export class VirtualGrid {
  // `cell(place)` makes an element of class "cell"; `moved()` is called after the grid was scrolled or resized.
  constructor(cell, { label, multiple = false, extra = 0, size = 96, moved = () => {} }) {
    Object.assign(this, { cell, extra, size, moved, count: 0, focused: 0, cells: new Map() });
    this.grid = h("div", { class: "grid virtual", role: "listbox", "aria-label": label, "aria-multiselectable": multiple ? "true" : null });
    this.root = h("div", { class: "scroll" }, this.grid);
    this.root.addEventListener("scroll", () => this.render(), { passive: true });
    this.watch = new ResizeObserver(() => this.layout());
    this.watch.observe(this.root);
  }

  leave() {
    this.watch.disconnect();
  }

  set(count) {
    this.count = count;
    this.focused = Math.max(0, Math.min(this.focused, count - 1));
    this.redraw();
  }

  resize(size) {
    this.size = size;
    this.redraw();
    this.reveal(this.focused);
  }

  // All cells anew; the focus stays on its place.
  redraw() {
    const held = this.grid.contains(document.activeElement);
    this.grid.replaceChildren();
    this.cells.clear();
    this.layout();
    if (held) this.focus(this.focused);
  }

  // One cell anew.
  update(place) {
    const held = this.cells.get(place)?.contains(document.activeElement);
    this.cells.get(place)?.remove();
    this.cells.delete(place);
    this.render();
    if (held) this.focus(place);
  }

  layout() {
    const width = this.grid.clientWidth || 1;
    this.columns = Math.max(1, Math.floor((width + GAP) / (this.size + 16 + GAP)));
    this.width = (width - GAP * (this.columns - 1)) / this.columns;
    this.height = this.size + this.extra + 16;
    this.grid.style.height = `${Math.ceil(this.count / this.columns) * (this.height + GAP)}px`;
    for (const [place, element] of this.cells) this.put(element, place);
    this.render();
  }

  put(element, place) {
    const { style } = element;
    style.left = `${(place % this.columns) * (this.width + GAP)}px`;
    style.top = `${Math.floor(place / this.columns) * (this.height + GAP)}px`;
    style.width = `${this.width}px`;
    style.height = `${this.height}px`;
  }

  render() {
    const pitch = this.height + GAP;
    const tall = this.root.clientHeight;
    const first = Math.max(0, Math.floor((this.root.scrollTop - tall / 2) / pitch)) * this.columns;
    const end = Math.min(this.count, Math.ceil((this.root.scrollTop + 1.5 * tall) / pitch) * this.columns);
    for (const [place, element] of this.cells) {
      if ((place < first || place >= end) && place !== this.focused) {
        element.remove();
        this.cells.delete(place);
      }
    }
    for (let place = first; place < end; place++) this.make(place);
    this.moved();
  }

  make(place) {
    if (this.cells.has(place)) return;
    const element = this.cell(place);
    element.tabIndex = place === this.focused ? 0 : -1;
    element.dataset.place = place;
    element.setAttribute("aria-posinset", place + 1);
    element.setAttribute("aria-setsize", this.count);
    this.put(element, place);
    this.cells.set(place, element);
    this.grid.append(element);
  }

  // The first place that has not been in sight from the top on.
  get seen() {
    const below = this.root.scrollTop + this.root.clientHeight - this.grid.offsetTop;
    const rows = Math.floor((below + (1 - SHOWN) * this.height) / (this.height + GAP));
    return Math.min(this.count, Math.max(0, rows) * this.columns);
  }

  page() {
    this.root.scrollBy(0, Math.max(1, Math.floor(this.root.clientHeight / (this.height + GAP))) * (this.height + GAP));
    this.render();
  }

  reveal(place) {
    const top = Math.floor(place / this.columns) * (this.height + GAP) + this.grid.offsetTop;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop) this.root.scrollTop = top - GAP;
    else if (top + this.height > scrollTop + clientHeight) this.root.scrollTop = top + this.height - clientHeight + GAP;
    this.render();
  }

  focus(place) {
    if (!this.count) return;
    const before = this.cells.get(this.focused);
    if (before) before.tabIndex = -1;
    this.focused = Math.max(0, Math.min(place, this.count - 1));
    this.reveal(this.focused);
    this.make(this.focused);
    const element = this.cells.get(this.focused);
    element.tabIndex = 0;
    element.focus({ preventScroll: true });
  }

  // How far a key moves on; 0 for other keys, or while the focus is elsewhere.
  step(event) {
    if (!this.grid.contains(document.activeElement)) return 0;
    const page = this.columns * Math.max(1, Math.floor(this.root.clientHeight / (this.height + GAP)));
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, PageUp: -page, PageDown: page, Home: -this.count, End: this.count }[event.key] ?? 0;
    if (step) event.preventDefault();
    return step;
  }
}
