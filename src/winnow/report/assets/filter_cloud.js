"use strict";
// The cloud of all images: a comparison per point tells what becomes of it, and pixels are written straight into the
// canvas, so that 50,000 points follow a slider or the mouse at once.
(() => {
  const data = JSON.parse(document.getElementById("cloud-data").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const places = new Int16Array(bytes(data.places));
  const odd = new Int32Array(bytes(data.odd)); // turn among outliers, from 1; 0 never
  const order = new Int32Array(bytes(data.order)); // images in the order in which they go as redundant
  const wentFor = new Int32Array(bytes(data.went_for)); // as the pipeline cut; -1 for what it did not take as redundant
  const keeper = new Int32Array(bytes(data.keeper));
  const count = keeper.length;
  const state = new Uint8Array(count); // 0 kept, 1 redundant, 2 outlier
  const canvas = document.querySelector("#cloud canvas");
  const context = canvas.getContext("2d");
  const told = document.getElementById("told");
  const sliders = { odd: document.getElementById("slide-odd"), alike: document.getElementById("slide-alike") };
  const numbers = document.getElementById("numbers");
  let turn = 0.6, tilt = 0.35, zoom = 1, marked = -1, wanted = true;
  const seen = new Float32Array(count * 2);

  function judge() {
    const oddest = Number(sliders.odd.value), alike = Number(sliders.alike.value);
    let gone = 0;
    for (let i = 0; i < count; i++) state[i] = odd[i] && odd[i] <= oddest ? 2 : 0;
    for (let k = 0; k < order.length && gone < alike; k++) {
      if (!state[order[k]]) { state[order[k]] = 1; gone++; }
    }
    const outliers = state.reduce((sum, value) => sum + (value === 2), 0);
    numbers.textContent = `${(count - gone - outliers).toLocaleString("en")} kept, ${gone.toLocaleString("en")} redundant, ` +
      `${outliers.toLocaleString("en")} outliers`;
    wanted = true;
  }

  function keptFor(image) {
    if (wentFor[image] >= 0 && !state[wentFor[image]]) return wentFor[image];
    let other = keeper[image];
    while (state[other] && keeper[other] !== other) other = keeper[other];
    return state[other] ? -1 : other;
  }

  const named = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const parsed = (colour) => {
    const value = parseInt(colour.slice(1), 16);
    return 0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
  };

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = [parsed(named("--keep")), parsed(named("--relabel")), parsed(named("--drop"))];
    const [ca, sa, cb, sb] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const scale = 0.42 * Math.min(width, height) * zoom / 32767;
    const radius = Math.max(1, Math.round(ratio * (count > 20000 ? 1 : 1.6)));
    for (const pass of [0, 1, 2]) {
      for (let i = 0; i < count; i++) {
        if (state[i] !== pass) continue;
        const x = places[3 * i], y = places[3 * i + 1], z = places[3 * i + 2];
        const across = ca * x + sa * z, depth = ca * z - sa * x;
        const left = Math.round(width / 2 + scale * across), top = Math.round(height / 2 - scale * (cb * y - sb * depth));
        seen[2 * i] = left; seen[2 * i + 1] = top;
        for (let v = -radius; v <= radius; v++) {
          for (let u = -radius; u <= radius; u++) {
            if (pass === 2 && Math.abs(u) !== Math.abs(v)) continue; // an outlier is a cross
            if (pass === 1 && Math.abs(u) + Math.abs(v) > radius) continue; // a redundant image a diamond
            const a = left + u, b = top + v;
            if (a >= 0 && b >= 0 && a < width && b < height) pixels[b * width + a] = colours[pass];
          }
        }
      }
    }
    context.putImageData(image, 0, 0);
    context.strokeStyle = named("--ink");
    if (marked >= 0) {
      const other = state[marked] === 1 ? keptFor(marked) : -1;
      context.lineWidth = 1.5 * ratio;
      for (const image of other < 0 ? [marked] : [marked, other]) {
        context.beginPath();
        context.arc(seen[2 * image], seen[2 * image + 1], 7 * ratio, 0, 7);
        context.stroke();
      }
      if (other >= 0) {
        context.beginPath();
        context.moveTo(seen[2 * marked], seen[2 * marked + 1]);
        context.lineTo(seen[2 * other], seen[2 * other + 1]);
        context.stroke();
      }
    }
  }

  function tell() {
    if (marked < 0) { told.textContent = data.hint; return; }
    const other = state[marked] === 1 ? keptFor(marked) : -1;
    const words = ["kept", "redundant", "outlier"][state[marked]];
    told.textContent = `${data.ids[marked]}: ${words}${other >= 0 ? `, for ${data.ids[other]}, which is kept` : ""}`;
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    const x = (event.clientX - box.left) * ratio, y = (event.clientY - box.top) * ratio;
    let best = -1, least = (12 * ratio) ** 2;
    for (let i = 0; i < count; i++) {
      const distance = (seen[2 * i] - x) ** 2 + (seen[2 * i + 1] - y) ** 2;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  let from = null;
  canvas.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (from) {
      turn += (event.clientX - from[0]) / 150; tilt += (event.clientY - from[1]) / 150; from = [event.clientX, event.clientY];
    } else {
      marked = nearest(event); tell();
    }
    wanted = true;
  });
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return;
    zoom = Math.min(20, Math.max(0.3, zoom * Math.exp(-event.deltaY / 400))); wanted = true; event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: () => { turn -= 0.1; }, ArrowRight: () => { turn += 0.1; }, ArrowUp: () => { tilt -= 0.1; },
      ArrowDown: () => { tilt += 0.1; }, "+": () => { zoom *= 1.2; }, "-": () => { zoom /= 1.2; } };
    if (moves[event.key]) { moves[event.key](); wanted = true; event.preventDefault(); }
  });
  for (const slider of Object.values(sliders)) slider.addEventListener("input", () => { judge(); tell(); });
  window.addEventListener("resize", () => { wanted = true; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { wanted = true; });
  let frames = 0;
  function loop() {
    if (wanted) { wanted = false; draw(); frames++; }
    requestAnimationFrame(loop);
  }
  window.winnowCloud = { frames: () => frames, state: () => state, spin: () => { turn += 0.01; wanted = true; } };
  judge(); tell(); loop();
})();
