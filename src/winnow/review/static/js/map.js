// The map: the cloud, what points at it, and what is chosen in it.

import { data, readOnly } from "./data.js";
import { Cloud } from "./cloud.js";
import { CutSliders } from "./cut.js";
import { isDark } from "./colours.js";
import { fill, h, key, number, toast, typing } from "./dom.js";
import { Filters } from "./filters.js";
import { agreement, labelWords, outcomeName, picture, showCard } from "./card.js";
import { decide, select } from "./state.js";
import { exportCsv } from "./csv.js";
import { Thumbnails } from "./thumbnails.js";

let kept = null; // the view survives a change to another tab

export function mapView(view, { go }) {
  if (!data.arrays.places3) {
    fill(view, h("div", { class: "notice" }, h("h1", {}, "There is no map yet"), h("p", {}, "Run ", h("code", {}, "dvc repro project_map"), " and reload. Queue, what-if and validation work without it.")));
    return { leave() {} };
  }
  kept ??= new MapView();
  kept.go = go;
  fill(view, kept.root);
  kept.enter();
  return { leave: () => kept.leave(), keydown: (event) => kept.keydown(event), repaint: () => kept.repaint(), refresh: () => kept.refresh(), row: () => (kept.pinned < 0 ? undefined : kept.pinned) };
}

class MapView {
  constructor() {
    this.filters = new Filters((what) => this.filtersChanged(what));
    this.canvas = h("canvas", { class: "cloud", tabIndex: 0, role: "application", "aria-label": "Map of all images. Arrow keys turn or move it, plus and minus zoom, N and P step through the images shown, G lists them." });
    this.overlay = h("canvas", { class: "overlay", "aria-hidden": "true" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.status = h("p", { class: "status", "aria-live": "polite" });
    this.tool = "turn";
    this.flat = false;
    this.lines = true;
    this.pinned = -1;
    this.hovered = -1;
    this.path = [];
    this.chosen = null;
    this.clean = true;
    this.thumbnails = new Thumbnails(() => this.drawOverlay());
    this.card = h("aside", { class: "side card", "aria-label": "The image" });
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Map tools" });
    this.cut = data.info.cut ? new CutSliders(() => this.repaint()) : null;
    this.stage = h("div", { class: "stage" }, this.canvas, this.overlay, this.tip);
    this.root = h("div", { class: "map" }, h("h1", { class: "unseen" }, "Map"), this.filters.panel, h("div", { class: "middle" }, this.toolbar, this.cut?.root, this.stage, this.status), this.card);
    try {
      this.cloud = new Cloud(this.canvas);
    } catch (error) {
      fill(this.stage, h("div", { class: "notice" }, h("h2", {}, "The cloud cannot be drawn"), h("p", {}, `${error.message}. The filters and “Gallery” still work.`)));
    }
    this.listen();
    this.emptyCard();
    this.resized = new ResizeObserver(() => this.cloud?.draw());
    this.usePlaces();
  }

  enter() {
    this.resized.observe(this.stage);
    if (this.cut) this.cut.judge();
    else this.repaint();
    this.refresh();
  }

  leave() {
    this.resized.disconnect();
    this.tip.hidden = true;
    this.cut?.leave();
  }

  usePlaces() {
    const { places2, places3 } = data.arrays;
    let places = places3;
    if (this.flat) {
      places = new Float32Array(3 * data.count);
      for (let row = 0; row < data.count; row++) places.set(places2.subarray(2 * row, 2 * row + 2), 3 * row);
    }
    this.cloud?.setPlaces(places, this.flat);
    if (this.cloud) this.cloud.afterDraw = () => this.drawOverlay();
    this.drawToolbar();
    this.apply();
  }

  filtersChanged(what) {
    if (what === "colours") this.repaint();
    this.chosen = null;
    this.apply();
  }

  repaint() {
    if (!this.cloud) return;
    this.cloud.ground = isDark() ? [0.047, 0.055, 0.07] : [1, 1, 1];
    this.cloud.lineColour = isDark() ? [0.9, 0.75, 0.4, 0.35] : [0.55, 0.35, 0, 0.35];
    this.cloud.setColours(this.filters.colours());
    this.apply();
  }

  refresh() {
    if (this.pinned >= 0) this.pin(this.pinned);
  }

  // Hand what is to be shown to the cloud.
  apply() {
    this.mask = this.filters.mask();
    const shape = this.filters.shapes();
    const looks = new Uint8Array(2 * data.count);
    const lines = [];
    const { counterpart } = data.arrays;
    let count = 0;
    for (let row = 0; row < data.count; row++) {
      if (!this.mask[row]) continue;
      count++;
      looks[2 * row] = shape(row);
      looks[2 * row + 1] = this.chosen?.has(row) ? 2 : 1;
      if (this.lines && counterpart[row] >= 0) lines.push(row, counterpart[row]);
    }
    this.count = count;
    this.cloud?.setLooks(looks);
    this.cloud?.setLines(lines);
    this.drawStatus();
  }

  drawStatus() {
    const chosen = this.chosen ? `, ${number(this.chosen.size)} selected` : "";
    const way = { umap: "UMAP", pca: "principal components" }[data.info.projection] || data.info.projection;
    this.status.textContent = `${number(this.count)} of ${number(data.count)} images shown${chosen} · laid out by ${way}`;
  }

  drawToolbar() {
    const choice = (words, on, onclick, props = {}) => h("button", { type: "button", "aria-pressed": String(on), onclick, ...props }, words);
    const tool = (id, words, title) => choice(words, this.tool === id, () => {
      if (id !== "turn" && !this.flat) this.setFlat(true);
      this.tool = id;
      this.drawToolbar();
    }, { title });
    fill(
      this.toolbar,
      h("div", { class: "segmented" }, choice("3D", !this.flat, () => this.setFlat(false)), choice("2D", this.flat, () => this.setFlat(true))),
      h("div", { class: "segmented" }, tool("turn", this.flat ? "Move" : "Turn", "Drag to turn or move, wheel to zoom, Shift to move"), tool("box", "Box", "Drag a box around images (in 2D)"), tool("lasso", "Lasso", "Draw around images (in 2D)")),
      choice("Lines", this.lines, () => {
        this.lines = !this.lines;
        this.drawToolbar();
        this.apply();
      }, { title: "Lines from dropped duplicates to the images kept for them" }),
      h("label", { class: "inline" }, h("span", { class: "unseen" }, "Size of the points"), h("input", { type: "range", title: "Size of the points", min: 2, max: 12, step: 0.5, value: this.cloud?.size ?? 5, oninput: (event) => {
        if (this.cloud) Object.assign(this.cloud, { size: Number(event.target.value) }).draw();
      } })),
      h("button", { type: "button", onclick: () => this.cloud?.reset() }, "Reset"),
      h("span", { class: "grow" }),
      h("button", { type: "button", class: "primary", id: "to-gallery", onclick: () => this.gallery() }, "Gallery ", key("G")),
      h("button", { type: "button", onclick: () => exportCsv(this.rows()) }, "Export CSV"),
    );
  }

  setFlat(flat) {
    if (this.flat === flat) return;
    this.flat = flat;
    if (!flat) this.tool = "turn";
    this.usePlaces();
  }

  // What is selected, or else all that is shown.
  rows() {
    if (this.chosen?.size) return [...this.chosen].sort((a, b) => a - b);
    const rows = [];
    for (let row = 0; row < data.count; row++) if (this.mask[row]) rows.push(row);
    return rows;
  }

  gallery() {
    const rows = this.rows();
    select(rows.length < data.count ? rows : [], this.chosen?.size ? "selected on the map" : "shown on the map");
    this.go("gallery");
  }

  // --- pointer ---

  listen() {
    let drag = null;
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      drag = { start: at(event), last: at(event), moved: false, button: event.button };
      this.path = [at(event)];
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (!drag) {
        this.hover(x, y);
        return;
      }
      const [dx, dy] = [x - drag.last[0], y - drag.last[1]];
      if (Math.hypot(x - drag.start[0], y - drag.start[1]) > 4) drag.moved = true;
      drag.last = [x, y];
      this.tip.hidden = true;
      if (this.tool === "turn") {
        if (this.flat || event.shiftKey || drag.button === 2) this.cloud.pan(dx, dy);
        else this.cloud.turn(-dx * 0.006, dy * 0.006);
      } else {
        this.path = this.tool === "box" ? box(drag.start, [x, y]) : [...this.path, [x, y]];
        this.drawOverlay();
      }
    });
    this.canvas.addEventListener("pointerup", (event) => {
      const [x, y] = at(event);
      const ended = drag;
      drag = null;
      if (!ended) return;
      if (!ended.moved) this.pin(this.cloud.pick(x, y));
      else if (this.tool !== "turn") this.choose();
      this.path = [];
      this.drawOverlay();
    });
    this.canvas.addEventListener("pointercancel", () => {
      drag = null;
      this.path = [];
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
      this.hovered = -1;
    });
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.cloud?.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.003), ...at(event));
    }, { passive: false });
    this.canvas.addEventListener("webglcontextlost", () => toast("The graphics card dropped the map; reload the page to draw it again.", "error"));
  }

  hover(x, y) {
    if (!this.cloud) return;
    const row = this.cloud.pick(x, y);
    if (row !== this.hovered) {
      this.hovered = row;
      this.drawOverlay();
      if (row >= 0) fill(this.tip, picture(data.ids[row], 96), h("strong", {}, labelWords(row)), h("span", {}, outcomeName(row)));
    }
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const left = Math.min(x + 14, this.stage.clientWidth - 150);
    const top = Math.min(y + 14, this.stage.clientHeight - 160);
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  pin(row) {
    this.pinned = row;
    this.drawOverlay();
    if (row < 0) return this.emptyCard();
    return showCard(this.card, row, { go: (other) => this.pin(other), close: () => this.pin(-1) });
  }

  emptyCard() {
    delete this.card.dataset.row;
    delete this.card.dataset.shown;
    fill(this.card, h("h2", {}, "No image pinned"), h("p", { class: "muted" }, "Point at the map to see an image, click to pin it here with its scores, its reason, its neighbours and its counterpart."),
      h("p", { class: "muted" }, "With the keyboard: focus the map, then ", key("N"), " and ", key("P"), " step through what is shown."));
  }

  choose() {
    const inside = new Set();
    const path = this.path;
    this.cloud.project((row, x, y) => {
      if (within(path, x, y)) inside.add(row);
    });
    this.chosen = inside.size ? inside : null;
    this.apply();
    toast(inside.size ? `${number(inside.size)} images selected; “Gallery” lists them.` : "No image lies in there.");
  }

  drawOverlay() {
    const { overlay, stage } = this;
    if (!this.cloud) return;
    const near = this.thumbnails.inSight(this.cloud);
    const nothing = this.hovered < 0 && this.pinned < 0 && this.path.length < 2 && !near.length;
    if (nothing && this.clean) return; // an untouched canvas costs nothing
    this.clean = nothing;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(stage.clientWidth * ratio), Math.round(stage.clientHeight * ratio)];
    if (overlay.width !== width || overlay.height !== height) Object.assign(overlay, { width, height });
    const pen = overlay.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.setLineDash([]);
    pen.clearRect(0, 0, stage.clientWidth, stage.clientHeight);
    this.thumbnails.draw(pen, near, stage);
    const ink = isDark() ? "#ffffff" : "#111418";
    const ring = (row, radius, width) => {
      const place = this.cloud.placeOf(row);
      if (!place) return null;
      pen.beginPath();
      pen.arc(place[0], place[1], radius, 0, 2 * Math.PI);
      pen.lineWidth = width;
      pen.strokeStyle = ink;
      pen.stroke();
      return place;
    };
    for (const row of [this.hovered, this.pinned]) {
      if (row < 0) continue;
      const place = ring(row, row === this.pinned ? 9 : 7, row === this.pinned ? 2.5 : 1.5);
      const other = data.arrays.counterpart[row];
      const end = other >= 0 && place && ring(other, 6, 1.5);
      if (end) {
        pen.beginPath();
        pen.moveTo(...place);
        pen.lineTo(...end);
        pen.stroke();
      }
    }
    if (this.path.length > 1 && this.tool !== "turn") {
      pen.beginPath();
      this.path.forEach(([x, y]) => pen.lineTo(x, y));
      pen.closePath();
      pen.setLineDash([5, 4]);
      pen.lineWidth = 1.5;
      pen.strokeStyle = ink;
      pen.stroke();
    }
  }

  keydown(event) {
    if (typing(event)) return;
    if (event.key.toLowerCase() === "g") return this.gallery();
    if (event.key.toLowerCase() === "a" && this.pinned >= 0 && !readOnly && !event.repeat) {
      return decide([data.ids[this.pinned]], ...agreement(this.pinned)).then(() => this.refresh());
    }
    if (event.key === "Escape") {
      this.chosen = null;
      this.apply();
      return this.pin(-1);
    }
    if (document.activeElement !== this.canvas || !this.cloud) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      event.preventDefault();
      if (this.flat || event.shiftKey) this.cloud.pan(-40 * step[0], -40 * step[1]);
      else this.cloud.turn(0.12 * step[0], 0.12 * step[1]);
    } else if (["+", "="].includes(event.key)) this.cloud.zoom(0.85);
    else if (event.key === "-") this.cloud.zoom(1 / 0.85);
    else if (["n", "p"].includes(event.key.toLowerCase())) {
      const rows = this.rows();
      if (!rows.length) return;
      const place = rows.indexOf(this.pinned);
      const way = event.key.toLowerCase() === "n" ? 1 : -1;
      this.pin(rows[(place + way + rows.length + (place < 0 && way < 0 ? 1 : 0)) % rows.length]);
    }
  }
}

const box = ([a, b], [c, d]) => [[a, b], [c, b], [c, d], [a, d]];

function within(path, x, y) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [path[i], path[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

export const currentMap = () => kept;
