"use strict";
// The map: points are turned, thrown on the screen and drawn on a plain canvas, farthest first.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const canvas = document.querySelector("#cloud canvas"), told = document.getElementById("told");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const coordinates = (text) => { // little-endian int16, +-32767 for +-1
    const view = new DataView(bytes(text).buffer), out = new Float32Array(view.byteLength / 2);
    for (let i = 0; i < out.length; i++) out[i] = view.getInt16(2 * i, true) / 32767;
    return out;
  };
  const space = coordinates(data.space), flat = coordinates(data.flat);
  const action = bytes(data.action), label = new Uint16Array(bytes(data.label).buffer), final = new Int16Array(bytes(data.final).buffer), rule = bytes(data.rule);
  const count = action.length, order = new Uint32Array(count), depth = new Float32Array(count);
  const px = new Float32Array(count), py = new Float32Array(count);
  let start = 1; // so large that nine points of ten fill the view; a few far ones must not shrink the rest
  { const far = Float32Array.from({ length: count }, (_, i) => Math.hypot(space[3 * i], space[3 * i + 1], space[3 * i + 2])).sort();
    if (count) start = Math.min(1.8, Math.max(1, 0.75 / (far[Math.floor(0.9 * count)] || 1))); }
  let yaw = 0.6, pitch = 0.35, zoom = start, solid = true, shown = [true, true, true], only = -1, hit = -1, shift = [0, 0];
  for (let i = 0; i < count; i++) order[i] = i;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let asked = false;
  const ask = () => { if (!asked) { asked = true; requestAnimationFrame(draw); } };
  // Okabe and Ito (2008), in the order of the review app.
  const CLASSES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98", "#b5a800", "#7a4a21", "#5b4fa8"];
  const classColour = (k) => CLASSES[k % CLASSES.length];
  let byClass = false;
  const visible = (i) => shown[action[i]] && (only < 0 || label[i] === only);

  function draw() {
    asked = false;
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio; canvas.height = height * ratio;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const colours = ["--keep", "--relabel", "--drop"].map((name) => style.getPropertyValue(name).trim());
    const scale = 0.5 * Math.min(width, height) * zoom, cx = width / 2 + shift[0], cy = height / 2 + shift[1];
    const [a, b, c, d] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    for (let i = 0; i < count; i++) {
      if (solid) {
        const x = space[3 * i], y = space[3 * i + 1], z = space[3 * i + 2];
        const u = a * x + b * z, w = a * z - b * x, far = d * y + c * w, near = 1 / (1 - 0.3 * far);
        px[i] = cx + 1.1 * scale * u * near; py[i] = cy - 1.1 * scale * (c * y - d * w) * near; depth[i] = far;
      } else {
        px[i] = cx + 0.95 * scale * flat[2 * i] * Math.min(1.6, width / height); py[i] = cy - 0.95 * scale * flat[2 * i + 1]; depth[i] = 0;
      }
    }
    if (solid) order.sort((i, j) => depth[i] - depth[j]);
    const size = Math.max(1.6, Math.min(4.5, 190 / Math.sqrt(count))) * Math.sqrt(zoom);
    pen.globalAlpha = 0.75;
    for (const i of order) {
      if (!visible(i)) continue;
      const r = solid ? size * (1 + 0.35 * depth[i]) : size;
      pen.fillStyle = byClass ? classColour(label[i]) : colours[action[i]];
      if (action[i] === 0) { pen.beginPath(); pen.arc(px[i], py[i], r, 0, 7); pen.fill(); }
      else if (action[i] === 1) { pen.beginPath(); pen.moveTo(px[i], py[i] - 1.3 * r); pen.lineTo(px[i] + 1.2 * r, py[i] + r); pen.lineTo(px[i] - 1.2 * r, py[i] + r); pen.fill(); }
      else pen.fillRect(px[i] - 0.9 * r, py[i] - 0.9 * r, 1.8 * r, 1.8 * r);
    }
    pen.globalAlpha = 1;
    if (hit >= 0 && visible(hit)) {
      pen.strokeStyle = style.getPropertyValue("--ink"); pen.lineWidth = 2;
      pen.beginPath(); pen.arc(px[hit], py[hit], 3 + 1.6 * size, 0, 7); pen.stroke();
    }
  }

  function point(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = 144, found = -1;
    for (let i = 0; i < count; i++) {
      const far = (px[i] - x) ** 2 + (py[i] - y) ** 2;
      if (far < best && visible(i)) { best = far; found = i; }
    }
    if (found === hit) return;
    hit = found;
    const words = ["kept", "relabelled", "dropped"];
    const what = hit < 0 ? "" : final[hit] >= 0 && final[hit] !== label[hit] ? `${data.classes[label[hit]]} → ${data.classes[final[hit]]}` : data.classes[label[hit]];
    told.textContent = hit < 0 ? data.hint :
      `${what}: ${words[action[hit]]}${action[hit] === 0 ? "" : ` (${data.rules[rule[hit]]})`}. winnow why ${data.ids[hit]} tells all.`;
    picture();
    ask();
  }
  const tile = document.getElementById("tile"), { side, columns, every } = data.tiles;
  if (data.sheet) tile.style.backgroundImage = `url("data:image/jpeg;base64,${data.sheet}")`;
  function picture() { // of the image that is pointed at, where the sheet has it
    tile.hidden = hit < 0 || hit % every !== 0 || !data.sheet;
    if (tile.hidden) return;
    const place = hit / every;
    tile.style.backgroundSize = `${2 * columns * side}px auto`;
    tile.style.backgroundPosition = `${-2 * side * (place % columns)}px ${-2 * side * Math.floor(place / columns)}px`;
  }
  let last = null;
  canvas.addEventListener("pointerdown", (event) => { last = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("pointercancel", () => { last = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return point(event);
    const dx = event.clientX - last[0], dy = event.clientY - last[1];
    if (solid && !event.shiftKey) { yaw += dx / 160; pitch = Math.max(-1.5, Math.min(1.5, pitch + dy / 160)); }
    else shift = [shift[0] + dx, shift[1] + dy];
    last = [event.clientX, event.clientY];
    ask();
  });
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return; // a page that is scrolled past must not zoom
    event.preventDefault();
    zoom = Math.max(0.5, Math.min(20, zoom * Math.exp(-event.deltaY / 500))); ask();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (turn) { yaw += turn[0]; pitch = Math.max(-1.5, Math.min(1.5, pitch + turn[1])); }
    else if (event.key === "+" || event.key === "=") zoom = Math.min(20, zoom * 1.2);
    else if (event.key === "-") zoom = Math.max(0.5, zoom / 1.2);
    else return;
    event.preventDefault(); ask();
  });
  document.querySelectorAll("[data-action]").forEach((box) => box.addEventListener("change", () => { shown[Number(box.dataset.action)] = box.checked; ask(); }));
  document.getElementById("only").addEventListener("change", (event) => { only = Number(event.target.value); ask(); });
  document.getElementById("colour").addEventListener("change", (event) => {
    byClass = event.target.value === "label";
    const legend = document.getElementById("legend");
    legend.hidden = !byClass;
    legend.replaceChildren(...data.classes.map((name, k) => {
      const item = document.createElement("span"), dot = document.createElement("i");
      dot.style.background = classColour(k);
      item.append(dot, name);
      return item;
    }));
    ask();
  });
  document.getElementById("solid").addEventListener("change", (event) => { solid = event.target.checked; zoom = solid ? start : 1; shift = [0, 0]; ask(); });
  document.getElementById("reset").addEventListener("click", () => { yaw = 0.6; pitch = 0.35; zoom = solid ? start : 1; shift = [0, 0]; ask(); });
  addEventListener("resize", ask);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
  told.textContent = data.hint;
  draw();
  if (!calm) { // one slow half turn, so that depth is seen
    let left = 90;
    const turn = () => { if (left-- > 0 && !last && solid) { yaw += 0.012; draw(); requestAnimationFrame(turn); } };
    requestAnimationFrame(turn);
  }
})();
