// The live map: where it looks, and the hands on it.

import { clamp, drawMap } from "./drawing.js";
import { Tiles } from "./ground.js";
import { Plane } from "./plane.js";
import { Surface } from "./surface.js";

const SCALE_MIN = 1e-5;
const SCALE_MAX = 8; // pixels per metre
const FAR_M = 300_000; // a rider this far from the middle of all is not what 'fit' is about
const REACH_PX = 26;
const MANY = 300; // so many riders make a map without their trails

export class FleetMap {
  // onPick(name or null): a rider was clicked. onMode(mode): 'fit', 'follow' or 'free' from now on.
  constructor(canvas, { onPick, onMode }) {
    this.riders = [];
    this.now = 0;
    this.chosen = null;
    this.hovered = null;
    this.mode = "fit";
    this.view = null; // {x, y} metres in the middle, `scale` pixels per metre
    this.onPick = onPick;
    this.onMode = onMode;
    this.width = this.height = 0;
    this.datum = "wgs84";
    this.tiles = null;
    this.paintMs = 0; // what the last drawing took
    this.surface = new Surface(canvas, (context, width, height) => {
      [this.width, this.height] = [width, height];
      const begin = performance.now();
      this.place();
      if (this.view) drawMap(this, context, this.surface.ink);
      this.paintMs = performance.now() - begin;
    });
    this.listen(canvas);
  }

  // riders: [{name, standing, lat, lon, told, course_deg, accuracy_m, note, trail, sign, isAlarmed}], angles in
  // e7; told: {lat, lon} as the board said, where it is shown farther on, else null.
  show(riders, now, chosen) {
    this.riders = riders;
    this.now = now;
    this.chosen = chosen;
    this.surface.ask();
  }

  // Which datum to draw in, and the tiles to draw on ('' for none).
  setGround(datum, template = null) {
    this.datum = datum;
    if (template !== null) this.tiles = template ? new Tiles(template, () => this.surface.ask()) : null;
    this.surface.ask();
  }

  setMode(mode) {
    this.mode = mode;
    if (mode !== "free") this.fresh = true;
    this.onMode(mode);
    this.surface.ask();
  }

  // -- where to look ------------------------------------------------------------------------------

  place() {
    const mine = this.riders.find((rider) => rider.name === this.chosen);
    const lively = this.riders.filter((rider) => rider.standing !== "gone");
    let all = lively.length ? lively : this.riders;
    if (!all.length) return;
    const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
    const centre = { lat: middle(all.map((r) => r.lat)), lon: middle(all.map((r) => r.lon)) };
    if (!this.plane || Math.hypot(this.plane.x(centre.lat, centre.lon), this.plane.y(centre.lat, centre.lon)) > FAR_M / 3) {
      this.plane = new Plane(centre.lat, centre.lon, this.datum);
      this.view = null;
    } else if (this.plane.isGcj !== (this.datum === "gcj02")) {
      this.plane = new Plane(centre.lat, centre.lon, this.datum);
      this.fresh = true;
    }
    const size = `${this.width}x${this.height}`;
    const fresh = this.fresh || !this.view;
    this.fresh = false;
    if (this.mode === "follow" && mine) {
      if (fresh) {
        this.view = this.around([mine], 300e3, 0.8);
        this.view.scale *= 0.6; // the rider goes to the middle, and the trail is all on one side
      }
      this.view.x = this.plane.x(mine.lat, mine.lon);
      this.view.y = this.plane.y(mine.lat, mine.lon);
    } else if (this.mode === "fit" || !this.view) {
      const mid = [this.plane.x(centre.lat, centre.lon), this.plane.y(centre.lat, centre.lon)];
      all = all.filter((r) => Math.hypot(this.plane.x(r.lat, r.lon) - mid[0], this.plane.y(r.lat, r.lon) - mid[1]) < FAR_M);
      const target = this.around(all, all.length > MANY ? 0 : Infinity, 1);
      // A view that moves all the time cannot be read: keep it while everybody is well inside.
      const calm = !fresh && this.size === size && this.view.scale < target.scale * 1.15
        && this.view.scale > target.scale * 0.6 && all.every((r) => this.inside(r, 28));
      if (!calm) this.view = target;
    }
    this.size = size;
  }

  // The view that shows `riders` and what of their trails is younger than `ms`.
  around(riders, ms, scaleMax) {
    const { width, height } = this;
    let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
    const take = (lat, lon) => {
      const [x, y] = [this.plane.x(lat, lon), this.plane.y(lat, lon)];
      [west, east, south, north] = [Math.min(west, x), Math.max(east, x), Math.min(south, y), Math.max(north, y)];
    };
    for (const rider of riders) {
      take(rider.lat, rider.lon);
      if (ms > 0) for (const [t, lat, lon] of rider.trail) if (this.now - t < ms) take(lat, lon);
    }
    const [padX, padY] = [Math.min(110, width / 5), Math.min(64, height / 5)];
    const scale = Math.min((width - 2 * padX) / Math.max(east - west, 1), (height - 2 * padY) / Math.max(north - south, 1));
    return { x: (west + east) / 2, y: (south + north) / 2, scale: clamp(scale, SCALE_MIN, scaleMax) };
  }

  // Degrees x 1e7 to pixels.
  at(lat, lon) {
    const { x, y, scale } = this.view;
    return [this.width / 2 + (this.plane.x(lat, lon) - x) * scale, this.height / 2 - (this.plane.y(lat, lon) - y) * scale];
  }

  inside(rider, margin) {
    const [x, y] = this.at(rider.lat, rider.lon);
    return x > margin && x < this.width - margin && y > margin && y < this.height - margin;
  }

  // -- hands --------------------------------------------------------------------------------------

  // Zoom about a pixel, the middle if none is given.
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    if (!this.view) return;
    const [dx, dy] = [px - this.width / 2, py - this.height / 2];
    const scale = clamp(this.view.scale * factor, SCALE_MIN, SCALE_MAX);
    if (this.mode === "follow") { // stay on the rider
      this.view.scale = scale;
      this.surface.ask();
      return;
    }
    this.view.x += dx / this.view.scale - dx / scale;
    this.view.y -= dy / this.view.scale - dy / scale;
    this.view.scale = scale;
    this.setMode("free");
  }

  pan(dx, dy) {
    if (!this.view) return;
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.setMode("free");
  }

  nearest(px, py) {
    let [best, reach] = [null, REACH_PX];
    if (!this.view) return null;
    for (const rider of this.riders) {
      const [x, y] = this.at(rider.lat, rider.lon);
      const far = Math.hypot(x - px, y - py);
      if (far < reach) [best, reach] = [rider.name, far];
    }
    return best;
  }

  listen(canvas) {
    const fingers = new Map();
    let travelled = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (!fingers.size) travelled = 0;
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    });
    canvas.addEventListener("pointermove", (event) => {
      const here = [event.offsetX, event.offsetY];
      const before = fingers.get(event.pointerId);
      if (!before) {
        const over = this.nearest(...here);
        if (over !== this.hovered) this.surface.ask();
        this.hovered = over;
        canvas.classList.toggle("over", over !== null);
        return;
      }
      fingers.set(event.pointerId, here);
      const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
      travelled += Math.hypot(dx, dy);
      if (travelled < 5) return; // a finger never holds quite still
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (!other) {
        this.pan(dx, dy);
      } else if (fingers.size === 2) {
        const spread = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]) || 1;
        this.pan(dx / 2, dy / 2);
        this.zoom(spread(here) / spread(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
      }
    });
    const lift = (event) => {
      if (fingers.delete(event.pointerId) && event.type === "pointerup" && travelled < 5 && !fingers.size) {
        this.onPick(this.nearest(event.offsetX, event.offsetY));
      }
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const step = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
      this.zoom(Math.exp(-clamp(step, -300, 300) * 0.002), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const act = {
        ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0),
        ArrowUp: () => this.pan(0, 60), ArrowDown: () => this.pan(0, -60),
        "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4),
        0: () => this.setMode("fit"),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }
}
