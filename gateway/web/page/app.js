// The page: keeps the picture that the gateway streams, and shows how old every part of it is.

import { TempChart, isOutside, reference } from "./chart.js";
import { Live } from "./live.js";
import { FleetMap } from "./map.js";
import { $, Events, People, setText } from "./panels.js";
import { ACT, EVENT_STREAMS, Picture, sensing, standing } from "./picture.js";
import { showStatus } from "./status.js";
import { ageText, clock } from "./time.js";

const LOUD_MS = 3_000; // without the gateway for longer than this, everything is grey
const MOVING_MM_S = 500; // slower than this a receiver's course is noise
const OLD_MS = 2_000; // a position is shown farther on than told from this age on

const picture = new Picture();
const people = new People((name) => choose(name === chosen ? null : name));
const events = new Events((name) => choose(name));
const chart = new TempChart($("temps"));
const map = new FleetMap($("map"), { onPick: (name) => name && choose(name), onMode: showMode });
let chosen = null;
let figures = null;
let figuresAt = 0;
let trouble = "";
let eventsAt = -Infinity;
let asked = 0;

const live = new Live({
  onState(state) {
    picture.load(state);
    [figures, figuresAt, eventsAt] = [state.figures, performance.now(), -Infinity];
    render();
  },
  onMessage(message) {
    picture.take(message);
    if (EVENT_STREAMS.includes(message.stream)) eventsAt = -Infinity;
    // Several times a second: quick enough for an answer within 200 ms, and calm.
    asked ||= setTimeout(render, 150);
  },
  onFigures(fresh) {
    [figures, figuresAt] = [fresh, performance.now()];
  },
  onReady(why) {
    trouble = why;
  },
});

function choose(name) {
  chosen = name;
  map.setMode(canFollow(name) ? "follow" : "fit");
  render();
}

function showMode(mode) {
  $("fit").setAttribute("aria-pressed", mode === "fit");
  $("follow").hidden = !chosen;
  const offer = canFollow(chosen) && mode !== "follow";
  setText($("follow"), offer ? `follow ${chosen}` : `${mode === "follow" ? "following " : ""}${chosen}  ✕`);
}

function canFollow(name) {
  return Boolean(picture.people.get(name)?.fix);
}

function render() {
  clearTimeout(asked);
  asked = 0;
  const downMs = live.downMs();
  const isDown = downMs > LOUD_MS;
  showStatus({ figures, ageMs: performance.now() - figuresAt, trouble, downMs, isDown });
  if (chosen && !picture.people.has(chosen)) choose(null);
  const now = clock.now();
  const list = [...picture.people.values()].map((person) => standing(person, now, isDown));
  people.show(list, now, chosen, isDown);
  if (now - eventsAt > 10_000) { // something came, or an alarm may have had its time on top
    events.show(picture);
    eventsAt = now;
  }
  const placed = list.filter(({ person }) => person.fix);
  map.show(placed.map(onMap), now, chosen);
  $("map-empty").hidden = placed.length > 0;
  showTemps(now);
}

function onMap({ person, word, age, rough, need, rank, at, isDown }) {
  const { fix } = person;
  const moves = fix.speed_mm_s > MOVING_MM_S && Number.isFinite(fix.course_cdeg);
  const isAhead = age > OLD_MS && (at.lat !== fix.lat_e7 || at.lon !== fix.lon_e7);
  const old = isDown ? `seen ${ageText(age)} ago` : `silent ${ageText(age)}`;
  return {
    name: person.name,
    standing: word,
    lat: at.lat,
    lon: at.lon,
    told: isAhead ? { lat: fix.lat_e7, lon: fix.lon_e7 } : null,
    course_deg: moves ? fix.course_cdeg / 100 : null,
    accuracy_m: fix.acc_cm / 100, // NaN when the board could not tell: no circle
    note: word === "silent" || word === "gone" ? old : rough || (isAhead ? `told ${ageText(age)} ago` : ""),
    trail: person.trail,
    sign: need[0]?.[1] ?? "",
    isAlarmed: rank >= ACT,
  };
}

function showTemps(now) {
  const watched = chosen ? [picture.people.get(chosen)] : [...picture.people.values()];
  const sensors = watched.flatMap((person) => [...person.sensors.values()].map((sensor) => {
    const sensed = sensing(sensor, now);
    return { ...sensed, label: `${chosen ? "sensor" : person.name} ${sensed.name}` };
  }));
  chart.show(sensors, now);
  const silent = sensors.filter((sensor) => sensor.isSilent).length;
  const outside = sensors.filter((sensor) => !sensor.isSilent && isOutside(reference(sensor.points), sensor.temp_cc)).length;
  const parts = [chosen && `${chosen} only`, `${sensors.length} sensors`, outside && `▲ ${outside} outside the reference`,
    silent && `✕ ${silent} without signal`, "local time"];
  setText($("temps-scope"), sensors.length ? parts.filter(Boolean).join(" · ") : "");
  $("temps-empty").hidden = sensors.length > 0;
}

showMode("fit");
$("fit").addEventListener("click", () => map.setMode("fit"));
$("follow").addEventListener("click", () => (canFollow(chosen) && map.mode !== "follow" ? map.setMode("follow") : choose(null)));
$("zoom-in").addEventListener("click", () => map.zoom(1.5));
$("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
document.addEventListener("keydown", (event) => event.key === "Escape" && chosen && choose(null));
setInterval(render, 1000);
