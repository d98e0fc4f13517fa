// The page: keeps the picture that the gateway streams, and shows how old every part of it is; or, in a
// replay, the picture of another time.

import { ask, may, whoAmI } from "./ask.js";
import { useProfiles } from "./bands.js";
import { OrderList } from "./carried.js";
import { DATUMS } from "./datum.js";
import { Desk } from "./desk.js";
import { Devices } from "./devices.js";
import { Events } from "./events.js";
import { showFigures } from "./figures.js";
import { Health } from "./health.js";
import { Live } from "./live.js";
import { FleetMap } from "./map.js";
import { OrderView } from "./order.js";
import { People } from "./people.js";
import { EVENT_STREAMS, Picture } from "./picture.js";
import { Replay } from "./replay.js";
import { $, setText } from "./rows.js";
import { showHelp, onMap } from "./sight.js";
import { standing } from "./standing.js";
import { Temps } from "./temps.js";
import { clock } from "./time.js";
import { language, speak, t, translate } from "./words.js";

const LOUD_MS = 3_000; // without the gateway for longer than this, everything is grey
const COALESCE_MS = 200; // at most five pictures a second, however much comes

const picture = new Picture();
const health = new Health();
const people = new People({ onPick: (name) => choose(name === chosen ? null : name), onOrder: openOrder });
const orders = new OrderList({ onOrder: openOrder });
const events = new Events({ onPick: (name) => choose(name), onOrder: openOrder });
const temps = new Temps($("temps"));
const map = new FleetMap($("map"), { onPick: (name) => name && choose(name), onMode: showMode });
const replay = new Replay({ onChange: renderAll });
const orderView = new OrderView({ onPick: (name) => choose(name), onAct: (order, action) => desk?.open(order, action) });
const devices = new Devices();
const now = { figures: null, figuresAt: 0, trouble: "", health: [] };
let desk = null;
let chosen = null;
let eventsAt = -Infinity;
let asked = 0;
const frame = { count: 0, worstMs: 0, lastMs: 0 }; // what drawing costs; a bench reads it

const live = new Live({
  onState(state) {
    picture.load(state);
    Object.assign(now, { figures: state.figures, figuresAt: performance.now(), health: state.health ?? [] });
    renderAll();
  },
  onMessage(message) {
    picture.take(message);
    if (message.stream === "rename" && chosen === message.was) chosen = message.subject;
    if (EVENT_STREAMS.includes(message.stream)) eventsAt = -Infinity;
    asked ||= setTimeout(render, COALESCE_MS);
  },
  onFigures(figures) {
    Object.assign(now, { figures, figuresAt: performance.now() });
  },
  onReady(why) {
    now.trouble = why;
  },
  onHealth(list) {
    now.health = list;
  },
});

function choose(name) {
  chosen = name;
  map.setMode(canFollow(name) ? "follow" : "fit");
  render();
}

function openOrder(order) {
  orderView.open(order, () => (replay.picture ? replay.shown : clock.now()));
}

function showMode(mode) {
  $("fit").setAttribute("aria-pressed", mode === "fit");
  $("follow").hidden = !chosen;
  const offer = canFollow(chosen) && mode !== "follow";
  setText($("follow"), offer ? t("follow {0}", chosen) : `${mode === "follow" ? t("following {0}", chosen) : chosen}  ✕`);
}

function canFollow(name) {
  return Boolean((replay.picture ?? picture).people.get(name)?.fix);
}

function renderAll() {
  eventsAt = -Infinity;
  render();
}

function render() {
  clearTimeout(asked);
  asked = 0;
  const begin = performance.now();
  const shown = replay.picture ?? picture;
  const isPast = shown !== picture;
  const downMs = live.downMs();
  const isDown = !isPast && downMs > LOUD_MS;
  if (chosen && !shown.people.has(chosen)) choose(null);
  const at = isPast ? replay.shown : clock.now();
  const list = [...shown.people.values()].map((person) => standing(person, at, isDown));
  // Who needs help now is told in a replay too.
  const present = isPast ? [...picture.people.values()].map((person) => standing(person, clock.now(), downMs > LOUD_MS)) : list;
  const help = showHelp(present);
  health.show({ ...now, downMs, isDown: downMs > LOUD_MS, quietMs: live.quietMs(), help, asOf: isPast ? at : null });
  if (now.figures) showFigures(now.figures, performance.now() - now.figuresAt);
  document.body.classList.toggle("replaying", replay.isOn);
  if ($("panel-orders").hidden) people.show(list, at, chosen, isDown);
  orders.show(shown.people.values(), at);
  if (at - eventsAt > 10_000 || at < eventsAt) { // something came, or an alarm may have had its time on top
    events.show(shown, at);
    eventsAt = at;
  }
  const placed = list.filter(({ person }) => person.fix);
  map.show(placed.map(onMap), at, chosen);
  $("map-empty").hidden = placed.length > 0;
  temps.show(shown, at, chosen);
  Object.assign(frame, { count: frame.count + 1, lastMs: performance.now() - begin, mapMs: map.paintMs });
  frame.worstMs = Math.max(frame.worstMs, frame.lastMs);
}

function showTab(name) {
  for (const each of ["people", "orders"]) {
    $(`tab-${each}`).setAttribute("aria-selected", each === name);
    $(`panel-${each}`).hidden = each !== name;
  }
  render();
}

function setDatum(datum, tiles = null) {
  map.setGround(datum, tiles);
  setText($("datum"), DATUMS[datum]);
  $("datum").setAttribute("aria-pressed", datum !== "wgs84");
}

function setLanguage(name) {
  speak(name);
  setText($("language"), name === "zh" ? "English" : "中文");
  $("language").lang = name === "zh" ? "en" : "zh-Hans";
  events.again(true);
  showMode(map.mode);
  renderAll();
}

async function begin() {
  const me = await whoAmI();
  const { body: settings } = await ask("/api/settings");
  useProfiles(settings?.profiles);
  setDatum(settings?.map.datum ?? "wgs84", settings?.map.tiles ?? "");
  desk = may(me, "dispatcher") ? new Desk(me, settings?.profiles ?? {}) : null;
  $("open-desk").hidden = $("order-cancel").hidden = !desk;
  $("open-devices").hidden = !may(me, "admin");
  $("logout").hidden = !me.login;
  setText($("me"), me.login ? `${me.name} ${t(me.role)}` : "");
  $("open-desk").addEventListener("click", () => desk.open());
}

function onKey(event) {
  if (document.querySelector("dialog[open]")) return;
  const inText = event.target.matches("input, select");
  if (event.key === "Escape") {
    if (replay.isOn) replay.leave();
    else if (chosen) choose(null);
  } else if (!inText && event.target.closest("#panel-people") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const name = people.next(chosen, event.key === "ArrowDown" ? 1 : -1);
    if (!name) return;
    event.preventDefault();
    choose(name);
    people.reveal(name);
    document.querySelector('.person button[aria-pressed="true"]')?.focus();
  } else if (!inText && event.key === "r") {
    if (replay.isOn) replay.leave();
    else replay.enter();
  }
}

translate();
for (const template of document.querySelectorAll("template")) translate(template.content);
setLanguage(language.now);
begin();
window.o2oFrame = frame;
$("fit").addEventListener("click", () => map.setMode("fit"));
$("follow").addEventListener("click", () => (canFollow(chosen) && map.mode !== "follow" ? map.setMode("follow") : choose(null)));
$("zoom-in").addEventListener("click", () => map.zoom(1.5));
$("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
$("datum").addEventListener("click", () => setDatum(map.datum === "wgs84" ? "gcj02" : "wgs84"));
$("language").addEventListener("click", () => setLanguage(language.now === "zh" ? "en" : "zh"));
$("open-replay").addEventListener("click", () => (replay.isOn ? replay.leave() : replay.enter()));
$("open-devices").addEventListener("click", () => devices.open());
$("tab-people").addEventListener("click", () => showTab("people"));
$("tab-orders").addEventListener("click", () => showTab("orders"));
$("logout").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" }).catch(() => null);
  location.assign("/login");
});
document.addEventListener("keydown", onKey);
setInterval(render, 1000);
