// Back through the last hour: the picture as it was, from the rows that the gateway still has.

import { ask } from "./ask.js";
import { Picture } from "./picture.js";
import { $, dots, setText } from "./rows.js";
import { Surface } from "./surface.js";
import { ageText, clock, timeText } from "./time.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;
const SETTLE_MS = 120; // a hand on the slider rests for so long before the gateway is asked
const STEP_MS = 1_000;
const SPEEDS = [1, 10, 60];

export class Replay {
  // onChange(): another picture, another time, or back to now (picture null).
  constructor({ onChange }) {
    this.onChange = onChange;
    this.picture = null;
    this.at = NaN;
    this.marks = [];
    this.speed = 10;
    this.isPlaying = this.isAsking = this.isCut = false;
    this.slider = $("replay-at");
    this.surface = new Surface($("replay-marks"), (context, width, height) => this.paint(context, width, height));
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    $("replay-play").addEventListener("click", () => this.play(!this.isPlaying));
    $("replay-speed").addEventListener("click", () => {
      this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
      this.label();
    });
    $("replay-back").addEventListener("click", () => this.seek(this.at - 60_000));
    $("replay-on").addEventListener("click", () => this.seek(this.at + 60_000));
    $("replay-now").addEventListener("click", () => this.leave());
    setInterval(() => this.tick(), STEP_MS);
  }

  get isOn() {
    return !$("replay").hidden;
  }

  async enter() {
    $("replay").hidden = false;
    setText($("replay-told"), t("loading …"));
    const { body, error } = await ask("/api/history");
    if (error || !body.from_ms) return setText($("replay-told"), error ?? t("nothing has been recorded yet"));
    this.end = Math.max(body.to_ms, clock.now() - STEP_MS);
    this.begin = Math.max(body.from_ms, this.end - HOUR_MS);
    this.marks = body.marks.filter(([at]) => at >= this.begin && at <= this.end);
    [this.slider.min, this.slider.max, this.slider.step] = [Math.floor(this.begin), Math.ceil(this.end), 1000];
    this.surface.ask();
    this.slider.focus();
    return this.seek(this.end);
  }

  leave() {
    $("replay").hidden = true;
    this.play(false);
    clearTimeout(this.resting);
    this.picture = null;
    this.at = NaN;
    this.onChange();
  }

  play(isPlaying) {
    this.isPlaying = isPlaying;
    this.label();
  }

  seek(at) {
    this.at = Math.min(Math.max(at, this.begin), this.end);
    this.slider.value = this.at;
    this.label();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.load(), SETTLE_MS);
  }

  tick() {
    if (!this.isOn || !this.isPlaying || this.isAsking) return;
    if (this.at >= this.end) this.play(false);
    else {
      this.at = Math.min(this.at + this.speed * STEP_MS, this.end);
      this.slider.value = this.at;
      this.load();
    }
  }

  async load() {
    if (this.isAsking) { // one question at a time; the last wish counts
      this.isMissed = true;
      return;
    }
    this.isAsking = true;
    const at = Math.round(this.at);
    const { body, error } = await ask(`/api/history?at_ms=${at}`);
    this.isAsking = false;
    if (!this.isOn) return;
    if (error) setText($("replay-told"), error);
    else {
      this.picture = new Picture();
      this.picture.load(body);
      this.shown = at;
      this.isCut = body.cut === true;
      this.label();
      this.onChange();
    }
    if (this.isMissed) {
      this.isMissed = false;
      this.load();
    }
  }

  label() {
    setText($("replay-play"), this.isPlaying ? "❚❚" : "▶");
    $("replay-play").setAttribute("aria-label", this.isPlaying ? t("Pause") : t("Play"));
    setText($("replay-speed"), `${this.speed}×`);
    const ago = t("{0} ago", ageText(clock.now() - this.at));
    const acts = this.marks.filter(([, level]) => level > 1).length;
    setText($("replay-told"), dots(timeText(this.at), ago, t("{0} alarms in this hour", acts),
      this.isCut && t("◆ too much for one picture: not all of it is shown")));
    this.slider.setAttribute("aria-valuetext", timeText(this.at));
  }

  // Where somebody was needed: triangles, and diamonds for what was worth a look.
  paint(context, width, height) {
    const { ink } = this.surface;
    const knob = 8; // the slider's ends lie half a knob inside
    for (const [at, level] of [...this.marks].sort((a, b) => a[1] - b[1])) {
      const x = knob + ((at - this.begin) / Math.max(this.end - this.begin, 1)) * (width - 2 * knob);
      context.fillStyle = level > 1 ? ink.bad : ink.silent;
      context.beginPath();
      const corners = level > 1 ? [[0, -6], [5, 4], [-5, 4]] : [[0, -4], [3, 0], [0, 4], [-3, 0]];
      for (const [dx, dy] of corners) context.lineTo(x + dx, height / 2 + dy);
      context.fill();
    }
  }
}
