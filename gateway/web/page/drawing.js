// The map's drawing: metres in, vectors out. `map` is a FleetMap; `ink` holds the theme's colours.

import { drawGraticule, drawScale } from "./ground.js";
import { drawTrails } from "./trails.js";

const NAMED_MAX = 12; // up to so many who are silent or need help are named on the map whatever it covers
const LABELLED_MAX = 120; // with more in view, only those are named
const [CROWD, SMALL] = [300, 0.55]; // of so many riders each has a smaller mark
const [STAMP_PX, STAMP_DEG] = [20, 15];
const LABEL_SIDES = [[19, 4, "left"], [-19, 4, "right"], [0, -20, "center"], [0, 32, "center"]];
const ARROW = [[0, -12], [8, 8], [0, 4], [-8, 8]];
const DIAMOND = [[0, -9], [9, 0], [0, 9], [-9, 0]];
const POINTER = [[0, -7], [5, 5], [-5, 5]];
const RANKS = { gone: 0, live: 1, rough: 1, silent: 2 };
const isOld = ({ standing }) => standing === "silent" || standing === "gone";

export function drawMap(map, context, ink) {
  map.tiles?.draw(map, context);
  drawGraticule(map, context, ink);
  drawTrails(map, context, ink);
  const isLit = (rider) => rider.name === map.chosen || rider.name === map.hovered;
  const rank = (rider) => (isLit(rider) ? 9 : RANKS[rider.standing] + (rider.isAlarmed ? 3 : 0));
  const riders = [...map.riders].sort((a, b) => rank(a) - rank(b));
  const here = [];
  const batches = new Batches(rank);
  const isCrowd = riders.length > CROWD;
  const rings = new Path2D();
  for (const rider of riders) {
    const [x, y] = map.at(rider.lat, rider.lon);
    if (x > 0 && x < map.width && y > 0 && y < map.height) {
      here.push(rider);
      if (isCrowd && !isLit(rider) && !rider.isAlarmed) stamp(context, ink, rider, x, y);
      else addMarker(map, context, ink, batches, rider, x, y);
      if (rider.isAlarmed) circle(rings, x, y, 13);
    } else if (rider.standing !== "gone" && riders.length <= LABELLED_MAX) addPointer(map, batches, rider);
  }
  batches.paint(context, ink);
  context.strokeStyle = ink.bad; // who needs help stands out of the crowd, in words too
  context.lineWidth = 2;
  context.stroke(rings);
  const chosen = here.find((rider) => rider.name === map.chosen);
  if (chosen) {
    context.beginPath();
    context.arc(...map.at(chosen.lat, chosen.lon), 16, 0, 2 * Math.PI);
    context.strokeStyle = ink.ink;
    context.lineWidth = 1.6;
    context.stroke();
  }
  drawLabels(map, context, ink, here, isLit);
  drawScale(map, context, ink);
}

// The most telling labels first. One that would cover something is left out (hovering shows it), but
// whoever is silent or needs help is named, unless nearly all do.
function drawLabels(map, context, ink, here, isLit) {
  const isTelling = (rider) => rider.standing === "silent" || rider.isAlarmed;
  const areFew = here.filter(isTelling).length <= NAMED_MAX;
  const areMany = here.length > LABELLED_MAX;
  const marks = (areMany ? here.filter((rider) => isLit(rider) || rider.isAlarmed) : here).map((rider) => {
    const [x, y] = map.at(rider.lat, rider.lon);
    return [x - 9, y - 9, x + 9, y + 9];
  });
  const words = [];
  let named = 0;
  for (const rider of [...here].reverse()) {
    const must = isLit(rider) || (areFew && isTelling(rider));
    if (areMany && !must && !(rider.isAlarmed && named++ < NAMED_MAX)) continue;
    if (must || rider.standing !== "gone") drawLabel(map, context, ink, rider, marks, words, must);
  }
}

// Shapes of one look are one path: two thousand riders are a dozen strokes.
class Batches {
  constructor(rank) {
    this.rank = rank;
    this.all = new Map();
  }

  path(rider, weight) {
    const colour = rider.standing === "rough" ? "live" : rider.standing;
    const isFilled = rider.standing === "live" && !rider.told; // only who is alive is a filled shape
    const rank = this.rank(rider);
    const key = `${rank} ${colour} ${isFilled} ${weight}`;
    if (!this.all.has(key)) this.all.set(key, { rank, colour, isFilled, weight, isDashed: isOld(rider), path: new Path2D() });
    return this.all.get(key).path;
  }

  paint(context, ink) {
    for (const { colour, isFilled, weight, isDashed, path } of [...this.all.values()].sort((a, b) => a.rank - b.rank)) {
      context.fillStyle = isFilled ? ink[colour] : ink.panel;
      context.fill(path);
      context.strokeStyle = isFilled ? ink.panel : ink[colour];
      context.lineWidth = isFilled ? 1.2 : weight;
      context.setLineDash(isDashed ? [3.2, 2.6] : []);
      context.stroke(path);
      context.setLineDash([]);
    }
  }
}

function addMarker(map, context, ink, batches, rider, x, y) {
  const ring = rider.accuracy_m * map.view.scale;
  if (ring > 12 && ring < 2000 && rider.standing !== "gone") drawRing(context, ink, rider, x, y, ring);
  mark(batches.path(rider, 2.2), rider, x, y, 1);
}

function mark(path, rider, x, y, size) {
  if (rider.standing === "live" && rider.course_deg !== null) {
    shape(path, x, y, (rider.course_deg * Math.PI) / 180, ARROW, size);
  } else if (rider.standing === "rough") shape(path, x, y, 0, DIAMOND, size);
  else circle(path, x, y, (rider.standing === "gone" ? 5 : 7) * size);
}

// In a crowd a rider is a small picture of one of a few dozen looks, drawn once.
const stamps = new Map();

function stamp(context, ink, rider, x, y) {
  const turn = rider.course_deg === null || rider.standing !== "live" ? null : Math.round(rider.course_deg / STAMP_DEG) * STAMP_DEG;
  const key = `${ink.panel} ${rider.standing} ${Boolean(rider.told)} ${turn}`;
  let picture = stamps.get(key);
  if (!picture) {
    picture = new OffscreenCanvas(STAMP_PX * 2, STAMP_PX * 2);
    const own = picture.getContext("2d");
    own.scale(2, 2);
    const batches = new Batches(() => 0);
    mark(batches.path(rider, 1.3), { ...rider, course_deg: turn }, STAMP_PX / 2, STAMP_PX / 2, SMALL);
    batches.paint(own, ink);
    stamps.set(key, picture);
  }
  context.drawImage(picture, x - STAMP_PX / 2, y - STAMP_PX / 2, STAMP_PX, STAMP_PX);
}

function drawRing(context, ink, rider, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.globalAlpha = 0.5;
  context.setLineDash(isOld(rider) ? [4, 4] : []);
  context.strokeStyle = isOld(rider) ? ink.silent : ink.live;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 0.09;
  context.fillStyle = context.strokeStyle;
  context.fill();
  context.globalAlpha = 1;
  context.setLineDash([]);
}

// Somebody out of view: a small arrow on the border points there.
function addPointer(map, batches, rider) {
  const [x, y] = map.at(rider.lat, rider.lon);
  const turn = Math.atan2(y - map.height / 2, x - map.width / 2) + Math.PI / 2;
  shape(batches.path(rider, 1.6), clamp(x, 10, map.width - 10), clamp(y, 22, map.height - 66), turn, POINTER);
}

function drawLabel(map, context, ink, rider, marks, words, must) {
  const [x, y] = map.at(rider.lat, rider.lon);
  const lines = [`${rider.sign ? `${rider.sign} ` : ""}${rider.name}`, rider.note].filter(Boolean);
  context.font = `600 12px ${ink.font}`;
  const wide = Math.max(...lines.map((line) => context.measureText(line).width));
  const high = 15 * lines.length;
  const boxes = LABEL_SIDES.map(([dx, dy, align]) => {
    const left = x + dx - { left: 0, right: wide, center: wide / 2 }[align];
    const top = y + dy + (dy < 0 ? 4 - high : -12);
    return [left - 1, top, left + wide + 1, top + high];
  });
  const isApart = (a, b) => a[0] >= b[2] || a[2] <= b[0] || a[1] >= b[3] || a[3] <= b[1];
  const isSeen = (box) => box[0] > 2 && box[2] < map.width - 2 && box[1] > 2 && box[3] < map.height - 2;
  const isClear = (box, others) => isSeen(box) && others.every((other) => isApart(box, other));
  const box = boxes.find((each) => isClear(each, words) && isClear(each, marks))
    ?? (must ? boxes.find((each) => isClear(each, words)) ?? boxes[0] : null);
  if (!box) return;
  words.push(box);
  context.textAlign = "left";
  context.lineWidth = 3.5;
  context.lineJoin = "round";
  context.strokeStyle = ink.panel;
  const tints = { live: [ink.ink, ink.dim], rough: [ink.ink, ink.live], silent: [ink.silent, ink.silent], gone: [ink.gone, ink.gone] };
  lines.forEach((line, i) => {
    context.font = `${i ? 400 : 600} 12px ${ink.font}`;
    context.fillStyle = rider.isAlarmed && !i ? ink.bad : tints[rider.standing][i];
    context.strokeText(line, box[0] + 1, box[1] + 12 + 15 * i);
    context.fillText(line, box[0] + 1, box[1] + 12 + 15 * i);
  });
}

function circle(path, x, y, radius) {
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}

function shape(path, x, y, turn, corners, size = 1) {
  const [cos, sin] = [Math.cos(turn) * size, Math.sin(turn) * size];
  corners.forEach(([dx, dy], i) => path[i ? "lineTo" : "moveTo"](x + dx * cos - dy * sin, y + dx * sin + dy * cos));
  path.lineTo(x + corners[0][0] * cos - corners[0][1] * sin, y + corners[0][0] * sin + corners[0][1] * cos);
}

export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
