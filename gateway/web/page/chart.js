// Temperature lines: what was measured, and nothing where nothing was measured; the band that the goods
// endure; and a mark where the board said that their state changed.

import { bandOf, bandText, degrees, isOutside } from "./bands.js";
import { COLDS, SILENT_MS, levelOf } from "./standing.js";
import { Surface } from "./surface.js";
import { minuteText } from "./time.js";
import { t as say } from "./words.js";

const MINUTE = 60_000;
const SPANS = [5, 10, 15, 20, 30, 45, 60].map((minutes) => minutes * MINUTE);
const EACH_MAX = 6; // up to so many lines are told apart; more are one grey bundle with its outliers
const GUTTER = 146;
const NARROW = 300;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4]];

export class TempChart {
  constructor(canvas) {
    this.sensors = [];
    this.now = 0;
    this.surface = new Surface(canvas, (...all) => this.paint(...all));
  }

  // sensors: [{label, points: [[ms, temp_cc]], band, marks: [[ms, state]], isSilent, silence}], silence =
  // 'no signal 40 s' or ''. begin: where the time axis begins, else it follows the readings.
  show(sensors, now, begin = NaN) {
    this.sensors = sensors;
    this.begin = begin;
    this.now = now;
    this.surface.ask();
  }

  paint(context, width, height) {
    const byBand = new Map();
    for (const sensor of this.sensors) {
      if (!sensor.points.length) continue;
      const group = byBand.get(sensor.band.key) ?? { limits: sensor.band, sensors: [] };
      group.sensors.push(sensor);
      byBand.set(sensor.band.key, group);
    }
    const groups = [...byBand.values()].sort((a, b) => (a.limits.key < b.limits.key ? -1 : 1));
    // A sensor that was lost before its first reading has no line, but it has a label.
    const dumb = this.sensors.filter((sensor) => !sensor.points.length);
    if (!groups.length && dumb.length) groups.push({ limits: bandOf({ points: [] }), sensors: [] });
    if (!groups.length) return;
    groups[0].sensors.push(...dumb);
    const oldest = Math.min(...this.sensors.map((sensor) => sensor.points[0]?.[0] ?? this.now));
    const needed = SPANS.find((each) => oldest > this.now - each) ?? SPANS.at(-1);
    const span = Number.isFinite(this.begin) ? Math.max(this.now - this.begin, MINUTE) : needed;
    // Beside each other while there is room for it, then below each other.
    const across = width / groups.length > NARROW || height < 160 * groups.length;
    groups.forEach((group, i) => {
      const box = across
        ? { left: (width / groups.length) * i, top: 0, width: width / groups.length, height }
        : { left: 0, top: (height / groups.length) * i, width, height: height / groups.length };
      this.paintGroup(context, box, group, span);
    });
  }

  paintGroup(context, box, { limits, sensors }, span) {
    const ink = this.surface.ink;
    const plot = { left: box.left + 38, right: box.left + box.width - GUTTER, top: box.top + 22, bottom: box.top + box.height - 20 };
    const begin = this.now - span;
    let [low, high] = limits.show;
    const colours = [ink.c1, ink.c2, ink.c3, ink.c4, ink.c5, ink.c6];
    for (const { points } of sensors) {
      for (const [t, temp] of points) {
        if (t < begin) continue;
        low = Math.min(low, temp - 60);
        high = Math.max(high, temp + 60);
      }
    }
    if (!(high > low)) [low, high] = [0, 1000];
    const x = (t) => plot.left + ((t - begin) / span) * (plot.right - plot.left);
    const y = (temp) => plot.bottom - ((temp - low) / (high - low)) * (plot.bottom - plot.top);

    context.font = `600 12px ${ink.font}`;
    context.textAlign = "left";
    context.fillStyle = ink.ink;
    context.fillText(say(limits.name), plot.left, plot.top - 8);
    const wide = context.measureText(say(limits.name)).width;
    context.font = `12px ${ink.font}`;
    context.fillStyle = ink.dim;
    context.fillText(bandText(limits), plot.left + wide + 8, plot.top - 8, box.width - wide - 50);
    this.paintBand(context, plot, limits, low, high, y, ink);
    this.paintAxes(context, plot, span, begin, low, high, x, y, ink);

    const each = sensors.length <= EACH_MAX;
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.right - plot.left + 5, plot.bottom - plot.top);
    context.clip();
    sensors.forEach((sensor, i) => {
      context.strokeStyle = each ? colours[i] : ink.dim;
      context.lineWidth = each ? 2 : 1;
      context.setLineDash(each ? DASHES[i] : []);
      context.globalAlpha = each ? 1 : 0.55;
      this.paintLine(context, sensor, begin, x, y);
      context.setLineDash([]);
      context.globalAlpha = 1;
      this.paintOutside(context, sensor, limits, begin, x, y, ink);
    });
    for (const sensor of sensors) this.paintMarks(context, plot, sensor, begin, x, ink);
    context.restore();
    this.paintLabels(context, plot, limits, sensors, each ? colours : null, begin, x, y, ink);
  }

  paintBand(context, plot, limits, low, high, y, ink) {
    if (limits.low === -Infinity && limits.high === Infinity) return;
    const top = y(Math.min(limits.high, high));
    const bottom = y(Math.max(limits.low, low));
    context.fillStyle = ink.band;
    context.fillRect(plot.left, top, plot.right - plot.left, bottom - top);
    context.strokeStyle = ink.dim;
    context.lineWidth = 1;
    context.setLineDash([5, 4]);
    context.beginPath();
    for (const limit of [limits.low, limits.high]) {
      if (limit < low || limit > high) continue;
      context.moveTo(plot.left, Math.round(y(limit)) + 0.5);
      context.lineTo(plot.right, Math.round(y(limit)) + 0.5);
    }
    context.stroke();
    // Where goods fail, by the profile: worse than leaving the band.
    context.strokeStyle = ink.bad;
    context.beginPath();
    for (const limit of limits.outs) {
      if (limit < low || limit > high || !isOutside(limits, limit + (limit > limits.high ? 1 : -1))) continue;
      context.moveTo(plot.left, Math.round(y(limit)) + 0.5);
      context.lineTo(plot.right, Math.round(y(limit)) + 0.5);
    }
    context.stroke();
    context.setLineDash([]);
  }

  // What the board said of the goods: a line through the plot, its shape on top.
  paintMarks(context, plot, { marks }, begin, x, ink) {
    context.font = `600 12px ${ink.font}`;
    context.textAlign = "center";
    for (const [t, state] of marks ?? []) {
      if (!(t >= begin && t <= this.now)) continue;
      const [rank, sign] = levelOf(COLDS, state);
      context.strokeStyle = context.fillStyle = rank >= 3 ? ink.bad : rank ? ink.silent : ink.good;
      context.lineWidth = 1;
      context.globalAlpha = 0.7;
      context.setLineDash([1, 3]);
      context.beginPath();
      context.moveTo(x(t), plot.top + 12);
      context.lineTo(x(t), plot.bottom);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
      context.fillText(sign || "✓", x(t), plot.top + 10);
    }
    context.textAlign = "left";
  }

  paintAxes(context, plot, span, begin, low, high, x, y, ink) {
    context.strokeStyle = ink.grid;
    context.fillStyle = ink.dim;
    context.font = `11px ${ink.font}`;
    context.lineWidth = 1;
    context.beginPath();
    context.textAlign = "right";
    const room = Math.max(1, (plot.bottom - plot.top) / 26);
    const step = [100, 200, 500, 1000, 2000, 5000, 10_000].find((each) => (high - low) / each <= room) ?? 20_000;
    for (let temp = Math.ceil(low / step) * step; temp <= high; temp += step) {
      const at = Math.round(y(temp)) + 0.5;
      context.moveTo(plot.left, at);
      context.lineTo(plot.right, at);
      context.fillText(`${temp / 100}°`.replace("-", "−"), plot.left - 5, at + 4);
    }
    context.textAlign = "center";
    const most = Math.max(1, (plot.right - plot.left) / 62);
    const minutes = [1, 2, 5, 10, 20, 30].find((each) => span / MINUTE / each <= most) ?? 60;
    // Round local minutes, also where the zone is not a whole number of hours.
    const zone = new Date(this.now).getTimezoneOffset() * MINUTE;
    const stride = minutes * MINUTE;
    for (let t = Math.ceil((begin - zone) / stride) * stride + zone; t <= this.now; t += stride) {
      const at = Math.round(x(t)) + 0.5;
      context.moveTo(at, plot.top);
      context.lineTo(at, plot.bottom);
      context.fillText(minuteText(t), at, plot.bottom + 14);
    }
    context.stroke();
    context.textAlign = "left";
  }

  // A silence longer than SILENT_MS is a hole in the line; a reading alone in one is a dot.
  paintLine(context, { points }, begin, x, y) {
    context.beginPath();
    let before = null;
    points.forEach(([t, temp], i) => {
      if (t < begin - SILENT_MS) return;
      const joined = before !== null && t - before <= SILENT_MS;
      if (joined) {
        context.lineTo(x(t), y(temp));
      } else {
        context.moveTo(x(t), y(temp));
        const next = points[i + 1];
        if (!next || next[0] - t > SILENT_MS) context.lineTo(x(t) + 1.5, y(temp));
      }
      before = t;
    });
    context.stroke();
  }

  // Readings outside the reference carry a triangle each, at most one in 5 pixels.
  paintOutside(context, { points }, limits, begin, x, y, ink) {
    context.fillStyle = ink.silent; // a usual range is no verdict: red is for what the board decided
    let last = -Infinity;
    for (const [t, temp] of points) {
      if (t < begin || !isOutside(limits, temp) || x(t) - last < 5) continue;
      last = x(t);
      const up = temp > limits.high ? 1 : -1;
      context.beginPath();
      context.moveTo(last, y(temp) - 5 * up);
      context.lineTo(last - 4, y(temp) + 3 * up);
      context.lineTo(last + 4, y(temp) + 3 * up);
      context.fill();
    }
  }

  // At the right: the last value of each line, or that there is no signal. In a bundle, those that matter.
  paintLabels(context, plot, limits, sensors, colours, begin, x, y, ink) {
    const each = colours !== null;
    const labels = sensors.map((sensor, i) => {
      const [t, temp] = sensor.points.at(-1) ?? [NaN, NaN];
      const outside = !sensor.isSilent && isOutside(limits, temp);
      const colour = each ? colours[i] : outside ? ink.silent : ink.dim;
      return { sensor, t, temp, outside, colour, dash: each ? DASHES[i] : [] };
    }).filter((label) => each || label.outside || label.sensor.isSilent);
    for (const { sensor, t, temp } of labels) {
      if (!sensor.isSilent || !(t >= begin)) continue;
      cross(context, x(t), y(temp), ink.silent); // where the signal ended
    }
    const high = 26;
    const most = Math.max(1, Math.floor((plot.bottom - plot.top + 30) / high));
    // The worst first when there is no room for all; then from the top down.
    labels.sort((a, b) => b.outside - a.outside || b.sensor.isSilent - a.sensor.isSilent);
    const shown = labels.slice(0, labels.length > most ? most - 1 : most).sort((a, b) => b.temp - a.temp);
    let floor = plot.top - 14;
    const left = plot.right + 10;
    shown.forEach((label, i) => {
      const latest = plot.bottom + 4 - high * (shown.length - i - 1 + (labels.length > shown.length ? 1 : 0)) - 14;
      const at = Math.max(floor, Math.min(y(label.temp) - 4, latest));
      floor = at + high;
      context.strokeStyle = label.colour;
      context.lineWidth = 2;
      context.setLineDash(label.dash);
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(left + 14, at);
      context.stroke();
      context.setLineDash([]);
      context.font = `11px ${ink.font}`;
      context.fillStyle = ink.dim;
      context.fillText(label.sensor.label, left + 18, at + 4, GUTTER - 32);
      context.font = `600 12px ${ink.font}`;
      context.fillStyle = label.sensor.isLost ? ink.bad : label.sensor.isSilent || label.outside ? ink.silent : ink.ink;
      const words = label.sensor.isSilent ? `✕ ${label.sensor.silence}` : `${label.outside ? "▲ " : ""}${degrees(label.temp)}`;
      context.fillText(words, left + 18, at + 17, GUTTER - 32);
    });
    if (labels.length > shown.length) {
      context.fillStyle = ink.dim;
      context.fillText(say("and {0} more", labels.length - shown.length), left, floor + 8);
    }
  }
}

function cross(context, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  for (const [dx, dy] of [[4, 4], [4, -4]]) {
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
  }
  context.stroke();
}
