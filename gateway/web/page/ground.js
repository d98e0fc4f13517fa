// Under the riders: tiles if there are any, the graticule, the scale, and which datum all of it is in.

import { DATUMS } from "./datum.js";
import { clamp } from "./drawing.js";
import { t } from "./words.js";

const TILE_ZOOMS = [3, 19];
const TILES_MAX = 80; // drawn at once
const IMAGES_MAX = 300;
const EQUATOR_M_PX = 156_543.034; // Web Mercator at zoom 0

// Pictures of a tile server, in whatever datum it has; the newest few hundred are kept.
export class Tiles {
  // template: 'https://host/{z}/{x}/{y}.png'; onLoad(): one more has come.
  constructor(template, onLoad) {
    Object.assign(this, { template, onLoad });
    this.images = new Map();
    this.host = new URL(template.replaceAll(/[{}]/g, ""), location.href).host;
  }

  image(z, x, y) {
    const url = this.template.replace("{z}", z).replace("{x}", x).replace("{y}", y).replace("{s}", "abc"[(x + y) % 3]);
    let image = this.images.get(url);
    if (!image) {
      image = new Image();
      image.onload = this.onLoad;
      image.src = url;
      this.images.set(url, image);
      if (this.images.size > IMAGES_MAX) this.images.delete(this.images.keys().next().value);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  draw({ view, plane, width, height }, context) {
    const rad = Math.PI / 180;
    const phi = plane.lat * 1e-7 * rad;
    const z = clamp(Math.ceil(Math.log2(EQUATOR_M_PX * Math.cos(phi) * view.scale) - 0.3), ...TILE_ZOOMS);
    const n = 2 ** z;
    const column = (lon) => ((lon + 180) / 360) * n;
    const row = (lat) => ((1 - Math.asinh(Math.tan(lat * rad)) / Math.PI) / 2) * n;
    const lonOf = (x) => (x / n) * 360 - 180;
    const latOf = (y) => Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / n))) / rad;
    const pxOf = (lon) => width / 2 + ((lon * 1e7 - plane.lon) * plane.perLon - view.x) * view.scale;
    const pyOf = (lat) => height / 2 - ((lat * 1e7 - plane.lat) * plane.perLat - view.y) * view.scale;
    const lonAt = (px) => ((px - width / 2) / view.scale + view.x) / plane.perLon / 1e7 + plane.lon / 1e7;
    const latAt = (py) => ((height / 2 - py) / view.scale + view.y) / plane.perLat / 1e7 + plane.lat / 1e7;
    const [west, east] = [Math.floor(column(lonAt(0))), Math.floor(column(lonAt(width)))];
    const [north, south] = [Math.floor(row(latAt(0))), Math.floor(row(latAt(height)))];
    if (!((east - west + 1) * (south - north + 1) <= TILES_MAX)) return;
    context.globalAlpha = 0.55;
    for (let x = west; x <= east; x++) {
      for (let y = Math.max(0, north); y <= Math.min(n - 1, south); y++) {
        const image = this.image(z, ((x % n) + n) % n, y);
        if (!image) continue;
        const [left, top] = [Math.round(pxOf(lonOf(x))), Math.round(pyOf(latOf(y)))];
        context.drawImage(image, left, top, Math.round(pxOf(lonOf(x + 1))) - left, Math.round(pyOf(latOf(y + 1))) - top);
      }
    }
    context.globalAlpha = 1;
  }
}

export function drawGraticule({ view, plane, width, height }, context, ink) {
  const words = [];
  // Lines of one coordinate: metres per degree, degrees at the base, metres to the middle, half the size.
  const each = (perDegree, base, middle, half, draw) => {
    const step = nice(250 / perDegree / view.scale);
    const centre = base + middle / perDegree;
    const reach = half / perDegree / view.scale;
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    for (let n = Math.ceil((centre - reach) / step); n * step <= centre + reach; n++) {
      draw((n * step - base) * perDegree, `${Math.abs(n * step).toFixed(digits)}°`, n < 0);
    }
  };
  context.strokeStyle = ink.grid;
  context.lineWidth = 1;
  context.beginPath();
  each(plane.perLat * 1e7, plane.lat / 1e7, view.y, height / 2, (metres, text, isSouth) => {
    const y = Math.round(height / 2 - (metres - view.y) * view.scale) + 0.5;
    context.moveTo(0, y);
    context.lineTo(width, y);
    if (y > 34 && y < height - 60) words.push([text + (isSouth ? "S" : "N"), 6, y + 4]);
  });
  each(plane.perLon * 1e7, plane.lon / 1e7, view.x, width / 2, (metres, text, isWest) => {
    const x = Math.round(width / 2 + (metres - view.x) * view.scale) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
    if (x < width - 90) words.push([text + (isWest ? "W" : "E"), x - 26, 14]);
  });
  context.stroke();
  context.font = `11px ${ink.font}`;
  context.textAlign = "left";
  context.strokeStyle = ink.panel;
  context.fillStyle = ink.dim;
  context.lineWidth = 5;
  for (const word of words) {
    context.strokeText(...word);
    context.fillText(...word);
  }
}

export function drawScale({ view, height, datum, tiles }, context, ink) {
  const metres = nice(90 / view.scale);
  const right = 12.5 + metres * view.scale;
  context.strokeStyle = context.fillStyle = ink.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [x, y] of [[12.5, 46], [12.5, 40], [right, 40], [right, 46]]) context.lineTo(x, height - y);
  context.stroke();
  context.font = `12px ${ink.font}`;
  context.textAlign = "left";
  context.fillText(metres >= 1000 ? `${metres / 1000} km` : `${metres} m`, 18, height - 45);
  context.fillStyle = ink.dim;
  context.fillText([`N ↑ · ${DATUMS[datum]}`, tiles && t("tiles: {0}", tiles.host)].filter(Boolean).join(" · "), right + 10, height - 41);
}

// The largest of 1, 2, 5 x 10^n that is not above `value`.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [5, 2, 1].find((step) => step * power <= value * 1.000001) * power;
}
