// The camera's picture with what is fixed to the store. One picture, one time: the pose is carried to the moment
// that picture was taken, by what the pictures show of the turning (latch.js), or for a moment by the motion that
// the box tells; so what is drawn sits on what is seen. Nothing is drawn from a pose that is not tracked, or older
// than 200 ms, or that the head may have left since, or while no new picture comes.

import { Latch } from "./latch.js";
import { paint } from "./paint.js";
import { STALE_MS, isNear, isSure, latched } from "./pose.js";
import { carried, project } from "./project.js";

const SHARP = 2; // at most so many canvas pixels for one of the picture: words stay readable

export class Screen {
  constructor(canvas, video) {
    this.canvas = canvas;
    this.video = video;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.answer = null; // the newest of the box, with its picture's time
    this.items = [];
    this.hidden = false; // manual mode, or no list
    this.latch = new Latch();
    this.taken = 0; // when the picture on the screen was
    this.shownAt = -Infinity;
    this.figures = { frames: 0, ages: [] };
  }

  take(message) {
    // an answer that was overtaken by a newer one is no news
    if (this.answer && message.t_ms < this.answer.t_ms) return;
    this.answer = message;
    if (message.items) this.items = message.items;
    if (message.state !== "tracked") this.items = [];
  }

  forget() { this.answer = null; this.items = []; }

  // What the state pill says at `now`: [state, age of the last trusted pose in ms or null].
  state(now) {
    const { answer } = this;
    if (!answer) return ["lost", null];
    const since = Math.max(0, now - answer.t_ms);
    if (answer.state === "tracked") {
      if (since <= STALE_MS && this.pose(this.taken)) return ["tracked", Math.round(since)];
      return [since < 1000 ? "degraded" : "lost", Math.round(since)];
    }
    const age = answer.age_ms === null || answer.age_ms === undefined ? null : Math.round(answer.age_ms + since);
    return [since < 1000 ? answer.state : "lost", age];
  }

  // The pose at `when` (of a picture that was on the screen), or null when there is none to be trusted.
  pose(when) {
    const { answer } = this;
    if (!answer || answer.state !== "tracked" || !answer.pose || !answer.camera) return null;
    const since = when - answer.t_ms;
    if (since + (answer.age_ms ?? 0) > STALE_MS || since < -STALE_MS) return null;
    const seconds = Math.max(0, since) / 1000;
    const moved = answer.age_ms ? null : this.latch.moved(answer.t_ms, when);
    const { camera, motion } = answer;
    if (moved) {
      const far = depth(answer);
      return isNear(moved, seconds, camera, far) ? latched(answer.pose, motion, seconds, moved, camera, far) : null;
    }
    return isSure(motion, seconds, camera) ? carried(answer.pose, motion, seconds) : null;
  }

  fit() {
    const { canvas, video } = this;
    const [w, h] = [video.videoWidth, video.videoHeight];
    if (!w) return false;
    const wide = Math.min(SHARP * w, Math.max(w, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1))));
    if (canvas.width !== wide || canvas.height !== Math.round(wide * h / w)) {
      canvas.width = wide;
      canvas.height = Math.round(wide * h / w);
    }
    return true;
  }

  // Draws the picture that came to the screen; taken: when it was.
  // blind: glasses, which show no picture; what it tells of the turning counts there too.
  draw(taken, blind = false) {
    if (!this.fit()) return;
    const { canvas, pen } = this;
    this.shownAt = performance.now();
    this.taken = taken;
    this.latch.add(this.video, taken);
    if (blind) return;
    pen.drawImage(this.video, 0, 0, canvas.width, canvas.height);
    const pose = this.pose(taken);
    this.world = pose !== null && !this.hidden && this.items.length > 0;
    this.watcher?.(pose, taken, this.answer); // a bench's: how far is what is drawn from the truth
    if (this.world) {
      const { camera } = this.answer;
      paint(pen, project(this.items, pose, camera), canvas.width / camera.size[0]);
      const { ages } = this.figures;
      ages.push(this.shownAt - this.answer.t_ms);
      if (ages.length > 4000) ages.shift();
    }
    this.figures.frames += 1;
  }

  // A camera that stands still must not keep an old way on the screen, nor an arrow.
  watch() {
    if (performance.now() - this.shownAt <= STALE_MS) return;
    this.taken = -Infinity; // there is no picture now that a pose could be of
    if (!this.world) return;
    this.world = false;
    this.pen.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
  }
}

// How far away is what is seen, m: the middle one of the markers in view.
function depth(answer) {
  const all = (answer.sightings ?? []).map(([, mm]) => mm / 1000).sort((a, b) => a - b);
  return all.length ? all[all.length >> 1] : 2;
}
