// Colours that people with colour-blindness tell apart: Okabe and Ito (2008), https://jfly.uni-koeln.de/color/.
// Classes also differ in shape, so that no one depends on colour alone.

import { data } from "./data.js";

const OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98", "#b5a800", "#7a4a21", "#5b4fa8"];
const OKABE_ITO_DARK = ["#3d9be0", "#e69f00", "#17b98d", "#dd8fb8", "#8ccdf2", "#f0772b", "#a3a9b3", "#f0e442", "#c08b5c", "#a79cf0"];
// Cividis, made for colour-blind readers (Nuñez et al. 2018), at nine places; the ends are cut off for contrast.
const CIVIDIS = ["#00306f", "#2a3f6d", "#4d4f6c", "#6a606e", "#867174", "#a28275", "#c19b6c", "#ddb95b", "#fee838"];

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

export const classColour = (label) => (isDark() ? OKABE_ITO_DARK : OKABE_ITO)[label % OKABE_ITO.length];
export const classShape = (label) => (label < 0 ? 0 : label % 4);
export const outcomeColour = (outcome) => (isDark() ? outcome.dark : outcome.light);
export const SHAPES = ["●", "■", "▲", "◆"];

export function rgb(hex) {
  return [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
}

// The ground of a cell of a heat map, pale enough for text on it.
export function heat(share) {
  const [paper, ink] = isDark() ? ["#1a1f26", "#3d5d80"] : ["#ffffff", "#92b5da"];
  const [from, to] = [rgb(paper), rgb(ink)];
  return `rgb(${from.map((value, i) => Math.round(value + (0.15 + 0.85 * share) * (to[i] - value))).join(",")})`;
}

const ramp = CIVIDIS.map(rgb);

export function rampColour(share) {
  const place = Math.min(Math.max(share, 0), 1) * (ramp.length - 1);
  const low = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[low].map((value, i) => Math.round(value + (ramp[low + 1][i] - value) * (place - low)));
}

export const rampCss = () => `linear-gradient(to right, ${CIVIDIS.join(",")})`;

// The middle 98 % of a score's values: a few extremes must not flatten the colours of all others.
export function scoreRange(name) {
  const values = Float32Array.from(data.arrays[name].filter((value) => !Number.isNaN(value))).sort();
  if (!values.length) return [0, 1];
  const low = values[Math.floor(0.01 * (values.length - 1))];
  const high = values[Math.ceil(0.99 * (values.length - 1))];
  return high > low ? [low, high] : [values[0], values[values.length - 1] + 1e-9];
}
