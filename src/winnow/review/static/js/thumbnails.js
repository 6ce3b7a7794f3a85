// Pictures in place of points, once the map is so close that few are in sight.

import { outcomeColour } from "./colours.js";
import { data, imageUrl } from "./data.js";

const MOST = 250;
const LARGEST = 44; // pixels of the longer side
const FILLED = 0.6; // of the side of the square that each has for itself on the whole
const FRAME = 2;

export class Thumbnails {
  // `loaded()` is called when a picture has come.
  constructor(loaded) {
    this.loaded = loaded;
    this.images = new Map();
  }

  // The points in sight, the farthest first; none where they are too many.
  inSight(cloud) {
    if (!data.info.pictures) return [];
    const { clientWidth: width, clientHeight: height } = cloud.canvas;
    const found = [];
    cloud.project((row, x, y, depth) => {
      if (found.length <= MOST && x >= 0 && x <= width && y >= 0 && y <= height) found.push([row, x, y, depth]);
    });
    return found.length > MOST ? [] : found.sort((a, b) => b[3] - a[3]);
  }

  draw(pen, places, { clientWidth, clientHeight }) {
    const side = Math.min(LARGEST, FILLED * Math.sqrt((clientWidth * clientHeight) / places.length));
    for (const [row, x, y] of places) {
      const image = this.image(row);
      if (!image.complete || !image.naturalWidth) continue;
      const scale = side / Math.max(image.naturalWidth, image.naturalHeight);
      const [width, height] = [scale * image.naturalWidth, scale * image.naturalHeight];
      pen.fillStyle = outcomeColour(data.info.outcomes[data.arrays.outcome[row]]);
      pen.fillRect(x - width / 2 - FRAME, y - height / 2 - FRAME, width + 2 * FRAME, height + 2 * FRAME);
      pen.drawImage(image, x - width / 2, y - height / 2, width, height);
    }
  }

  image(row) {
    if (!this.images.has(row)) {
      if (this.images.size > 4 * MOST) this.images.clear();
      const image = new Image();
      image.addEventListener("load", this.loaded);
      image.src = imageUrl(data.ids[row]);
      this.images.set(row, image);
    }
    return this.images.get(row);
  }
}
