// The map's drawing: metres in, vectors out. `map` is a FleetMap; `ink` holds the theme's colours.

// How a point of a trail came: recorded, told without a record, or as a vertex of a stretch of track: its
// first one, and those to which the way from the one before is known, however long it took.
export const [FIX, NOW, FIRST, LINE] = [0, 1, 2, 3];
const GAP_MS = 30_000; // a trail with a longer silence in it is broken: nobody knows the way between
const SHARED_MS = 100; // a stretch begins where the last one ended, give or take the tick of their times
const NOW_GAP_MS = 90_000; // between points that come only when it matters: about this way, so dashed
// Trails fade with the age of their points: [younger than ms, opacity].
const FADE = [[60e3, 1], [180e3, 0.8], [360e3, 0.6], [600e3, 0.45], [Infinity, 0.3]];
const TRAIL_POINTS_MAX = 60_000; // above this, long trails are cut to their newest part
const NAMED_MAX = 12; // up to so many who are silent or need help are named on the map whatever it covers
const LABEL_SIDES = [[19, 4, "left"], [-19, 4, "right"], [0, -20, "center"], [0, 32, "center"]];
const ARROW = [[0, -12], [8, 8], [0, 4], [-8, 8]];
const DIAMOND = [[0, -9], [9, 0], [0, 9], [-9, 0]];
const POINTER = [[0, -7], [5, 5], [-5, 5]];

export function drawMap(map, context, ink) {
  drawGraticule(map, context, ink);
  drawTrails(map, context, ink);
  const order = { gone: 0, live: 1, rough: 1, silent: 2 };
  const isLit = (rider) => rider.name === map.chosen || rider.name === map.hovered;
  const rank = (rider) => (isLit(rider) ? 9 : order[rider.standing] + (rider.isAlarmed ? 3 : 0));
  const riders = [...map.riders].sort((a, b) => rank(a) - rank(b));
  for (const rider of riders) {
    if (map.inside(rider, 0)) drawMarker(map, context, ink, rider);
    else if (rider.standing !== "gone") drawPointer(map, context, ink, rider);
  }
  // The most telling labels first. One that would cover something is left out (hovering shows it),
  // but whoever is silent or needs help is named, unless nearly all do.
  const here = riders.filter((rider) => map.inside(rider, 0));
  const marks = here.map((rider) => {
    const [x, y] = map.at(rider.lat, rider.lon);
    return [x - 9, y - 9, x + 9, y + 9];
  });
  const words = [];
  const isTelling = (rider) => rider.standing === "silent" || rider.isAlarmed;
  const areFew = here.filter(isTelling).length <= NAMED_MAX;
  for (const rider of here.reverse()) {
    const must = isLit(rider) || (areFew && isTelling(rider));
    if (must || rider.standing !== "gone") drawLabel(map, context, ink, rider, marks, words, must);
  }
  drawScale(map, context, ink);
}

function drawGraticule({ view, plane, width, height }, context, ink) {
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

// One path per shade for all riders together: 50 trails of 15 minutes stay cheap.
function drawTrails(map, context, ink) {
  const total = map.riders.reduce((sum, rider) => sum + rider.trail.length, 0);
  const share = Math.floor(TRAIL_POINTS_MAX / map.riders.length);
  const most = total > TRAIL_POINTS_MAX ? Math.max(30, share) : Infinity;
  const paths = FADE.map(() => new Path2D());
  const rough = new Path2D();
  for (const { trail, told, lat: lat_e7, lon: lon_e7 } of map.riders) {
    let before = null;
    for (let i = Math.max(0, trail.length - most); i < trail.length; i++) {
      const [t, lat, lon, how] = trail[i];
      const [x, y] = map.at(lat, lon);
      const isRough = how === NOW || before?.how === NOW;
      const gap = isRough ? NOW_GAP_MS : how === FIRST ? SHARED_MS : GAP_MS;
      const isJoined = before !== null && (how === LINE || t - before.t <= gap);
      if (isJoined && !isRough && Math.hypot(x - before.x, y - before.y) < 1.5 && i < trail.length - 1) {
        before.t = t; // too near to see
        continue;
      }
      if (isJoined) {
        const path = isRough ? rough : paths[FADE.findIndex(([ms]) => map.now - t < ms)];
        path.moveTo(before.x, before.y);
        path.lineTo(x, y);
      }
      before = { t, x, y, how };
    }
    if (told) { // where the rider is thought to be by now
      rough.moveTo(...map.at(told.lat, told.lon));
      rough.lineTo(...map.at(lat_e7, lon_e7));
    }
  }
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = ink.trail;
  context.lineWidth = map.riders.length > NAMED_MAX ? 2 : 2.6;
  for (let i = FADE.length - 1; i >= 0; i--) {
    context.globalAlpha = FADE[i][1];
    context.stroke(paths[i]);
  }
  context.globalAlpha = 0.9;
  context.lineWidth = 1.6;
  context.setLineDash([2, 5]);
  context.stroke(rough);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

// Only a rider who is alive is a filled shape; one who is shown farther on than told is not quite.
function paint(context, ink, rider, weight) {
  const isLive = rider.standing === "live";
  const colour = rider.standing === "rough" ? ink.live : ink[rider.standing];
  context.fillStyle = isLive && !rider.told ? colour : ink.panel;
  context.fill();
  context.strokeStyle = isLive && !rider.told ? ink.panel : colour;
  context.lineWidth = isLive && !rider.told ? 1.2 : weight;
  context.stroke();
}

function drawMarker(map, context, ink, rider) {
  const [x, y] = map.at(rider.lat, rider.lon);
  const isOld = rider.standing === "silent" || rider.standing === "gone";
  const ring = rider.accuracy_m * map.view.scale;
  if (ring > 12 && ring < 2000 && rider.standing !== "gone") {
    circle(context, x, y, ring);
    context.globalAlpha = 0.5;
    context.setLineDash(isOld ? [4, 4] : []);
    context.strokeStyle = isOld ? ink.silent : ink.live;
    context.lineWidth = 1;
    context.stroke();
    context.globalAlpha = 0.09;
    context.fillStyle = context.strokeStyle;
    context.fill();
    context.globalAlpha = 1;
  }
  if (rider.standing === "live" && rider.course_deg !== null) {
    shape(context, x, y, (rider.course_deg * Math.PI) / 180, ARROW);
  } else if (rider.standing === "rough") shape(context, x, y, 0, DIAMOND);
  else circle(context, x, y, rider.standing === "gone" ? 5 : 7);
  context.setLineDash(isOld ? [3.2, 2.6] : []);
  paint(context, ink, rider, 2.2);
  context.setLineDash([]);
  if (rider.name === map.chosen) {
    circle(context, x, y, 16);
    context.strokeStyle = ink.ink;
    context.lineWidth = 1.6;
    context.stroke();
  }
}

// Somebody out of view: a small arrow on the border points there.
function drawPointer(map, context, ink, rider) {
  const [x, y] = map.at(rider.lat, rider.lon);
  const turn = Math.atan2(y - map.height / 2, x - map.width / 2) + Math.PI / 2;
  shape(context, clamp(x, 10, map.width - 10), clamp(y, 22, map.height - 66), turn, POINTER);
  paint(context, ink, rider, 1.6);
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

function drawScale({ view, height }, context, ink) {
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
  context.fillText("N ↑", right + 10, height - 41);
}

function circle(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

function shape(context, x, y, turn, corners) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  context.beginPath();
  for (const [dx, dy] of corners) context.lineTo(x + dx * cos - dy * sin, y + dx * sin + dy * cos);
  context.closePath();
}

// The largest of 1, 2, 5 x 10^n that is not above `value`.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [5, 2, 1].find((step) => step * power <= value * 1.000001) * power;
}

export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
