// The picking page: the guide runs here, in a worker; the edge box sees for it while it can be reached. Names of
// goods and all that comes from outside only ever become text nodes.

import { bearing, drawArrow } from "./arrow.js";
import { CameraFeed } from "./camera.js";
import { metres, showCard, showCart, showList } from "./card.js";
import { Controls, Notices, PressGuard } from "./controls.js";
import { Guide } from "./guide.js";
import { StoreMap } from "./map.js";
import { Menu } from "./menu.js";
import { heading } from "./pose.js";
import { Codes, Scanner } from "./scanner.js";
import { Screen } from "./screen.js";
import { codeOfAddress, isWhole, keepForLater, loadAnew, open, pair } from "./session.js";
import { Speech } from "./speech.js";
import { leftBehind } from "./unsent.js";
import { Vision } from "./vision.js";
import { also, language, say, setting } from "./words.js";

const $ = (id) => document.getElementById(id);
const POSITION_MS = 200;
const SEEN_MS = 80;
const SEEN_NEAREST = 4;
const SEEN_FAR_MM = 1600;
const MAP_MS = 100;

const asked = new URLSearchParams(location.search);
const glasses = asked.has("glasses");
const size = /^(\d{3,4})x(\d{3,4})$/.exec(asked.get("camera") ?? "640x480")?.slice(1).map(Number) ?? [640, 480];
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

let guide, controls, vision, map, menu, kept = true, ready = false;
let camera = new CameraFeed($("video"));
let cameraFault = false;
let hint = "";
let left = []; // other names of this tablet whose records are not all delivered
let sentAt = { position: -Infinity, seen: -Infinity };
let mapAt = -Infinity;
let place = null; // the last trusted position, for the map
const notices = new Notices();
const guard = new PressGuard();
const speech = new Speech(language);
const screen = new Screen($("picture"), $("video"));
const codes = new Codes((code) => send({ type: "scan", code }));

// -- what fills the whole screen: starting, pairing, what went wrong ----------------------------------

function wait(key, more, { form = false, again = "" } = {}) {
  $("main").hidden = true;
  $("wait").hidden = false;
  $("wait").dataset.why = key;
  $("wait").querySelector("h1").textContent = say(key);
  $("wait").querySelector("p").textContent = more ? say(more) : "";
  $("wait").querySelector("small").textContent = also(key) + (more ? `. ${also(more)}` : "");
  $("left-waiting").hidden = true;
  $("pair").hidden = !form;
  $("pair").querySelector("button").textContent = say("pair_button");
  $("again").hidden = !again;
  if (again) $("again").textContent = say(again);
}

// Not paired: what was picked under another name is on this tablet still, and only that name sends it.
async function waitForPairing(why) {
  wait("unpaired", why, { form: true });
  try { left = await leftBehind(await navigator.storage.getDirectory(), null); } catch { left = []; }
  tellLeft($("left-waiting"));
}

function tellLeft(box) {
  const names = left.join(", ");
  box.hidden = !names;
  box.textContent = names ? `${say("left", { names })} · ${also("left", { names })}` : "";
}

$("again").onclick = () => location.reload();
$("pair").onsubmit = async (event) => {
  event.preventDefault();
  const why = await pair($("pair-code").value.trim());
  if (why) waitForPairing(why);
  else begin();
};

// -- events to the guide --------------------------------------------------------------------------------

async function send(...events) {
  if (!guard.passes(events[0])) return;
  const reason = await guide.send(...events);
  if (!reason) { if (events[0].type !== "at" && events[0].type !== "seen") speech.tone(false); return; }
  if (notices.show(reason)) speech.tone(true);
  if (reason.clip?.length) speech.say(reason.clip);
}

function tap() {
  if (ready && guide.view?.can?.includes("tap") && controls.kind() === null) send({ type: "tap" });
}

// -- what the guide says ----------------------------------------------------------------------------------

function showView(view) {
  showCard(view, guide.way.to_go_dm);
  showList(view);
  showCart(view, (slot) => send({ type: "put", slot }));
  guard.show(view);
  controls.show(view);
  menu.show(view);
  screen.hidden = view.manual === true;
  const told = view.hint ? `${view.hint.code} ${view.line?.line} ${view.list}` : "";
  if (told !== hint) { hint = told; if (view.hint) speech.say(view.hint.clip); }
  document.body.dataset.state = view.state;
  document.body.dataset.step = view.step ?? "";
  task();
  drawMap(true);
}

function task() {
  const { view, way } = guide;
  if (!view || !vision) return;
  const { line } = view;
  const shown = view.manual ? [] : way.path.slice(0, 400);
  vision.show({
    state: view.state, step: view.step ?? null, path: shown, bin: line && !view.manual ? line.bin : null,
    label: line ? `${line.bin}  ×${line.qty}`.slice(0, 64) : "",
  });
}

function showNet() {
  const { up, pending } = guide.net;
  if (up) vision?.hurry();
  const key = !kept ? "memory" : !up ? "offline" : pending ? "sending" : left.length ? "others" : "online";
  $("net").className = `net ${key}`;
  $("net").querySelector("b").textContent = say(key, { n: pending });
  $("net").title = also(key, { n: pending });
  tellLeft($("left"));
}

function showState(now) {
  const [state, age] = cameraFault ? ["off", null] : screen.state(now);
  controls.see(cameraFault || !vision.up);
  const box = $("state");
  box.className = `state ${state === "off" ? "lost" : state}`;
  box.dataset.state = state;
  box.querySelector("b").textContent = say(state);
  const old = age === null ? "" : age < 10000 ? ` ${age} ms` : ` ${Math.round(age / 1000)} s`;
  box.querySelector("small").textContent = also(state) + old;
}

// -- what the box says ------------------------------------------------------------------------------------

function takePose(message) {
  const now = performance.now();
  screen.take(message);
  if (Array.isArray(message.codes)) codes.take(message.codes);
  const events = [];
  const pose = message.state === "tracked" && !message.age_ms ? message.pose : null; // of its own picture
  if (pose) place = { x: pose.p[0], y: pose.p[1], heading: heading(pose), at: message.t_ms };
  if (pose && now - sentAt.position >= POSITION_MS) {
    sentAt.position = now;
    events.push({ type: "at", x_mm: Math.round(1000 * pose.p[0]), y_mm: Math.round(1000 * pose.p[1]) });
  }
  const near = (message.sightings ?? []).filter(([, mm]) => mm <= SEEN_FAR_MM).sort((a, b) => a[1] - b[1]);
  if (near.length && now - sentAt.seen >= SEEN_MS && now - message.t_ms < 1000) {
    sentAt.seen = now;
    for (const [marker, mm] of near.slice(0, SEEN_NEAREST)) events.push({ type: "seen", marker, distance_mm: mm });
  }
  if (events.length && ready) send(...events);
}

function onFrame(taken) {
  screen.draw(taken, glasses);
  vision?.offer($("video"), taken);
}

function drawMap(now) {
  const time = performance.now();
  if (!map || (!now && time - mapAt < (still ? 500 : MAP_MS))) return;
  mapAt = time;
  const at = place && { ...place, fresh: time - place.at <= 1000 };
  map.draw(guide.view, guide.way, at);
  if (!glasses) return;
  const degrees = bearing(screen.pose(screen.taken), guide.way.path);
  drawArrow($("arrow"), degrees, degrees === null ? `? ${say("lost")}` : metres(guide.way.to_go_dm));
}

function beat() {
  const now = performance.now();
  screen.watch();
  showState(now);
  drawMap(false);
  requestAnimationFrame(beat);
}

// -- start --------------------------------------------------------------------------------------------------

async function startCamera() {
  cameraFault = false;
  $("camera-off").hidden = true;
  try {
    await camera.start(size);
  } catch (fault) {
    console.info(`camera: ${fault.name} ${fault.message}`);
    noCamera();
  }
}

function noCamera() {
  cameraFault = true;
  screen.forget();
  const box = $("camera-off");
  box.hidden = false;
  box.querySelector("b").textContent = say("no_camera");
  box.querySelector("small").textContent = `${also("no_camera")}. ${say("camera_why")} · ${also("camera_why")}`;
  $("camera-again").textContent = say("camera_again");
}

function wire(session, store) {
  controls = new Controls(send);
  menu = new Menu($("menu"), {
    send, sound: (on) => { speech.on = on; if (!on) speech.stop(); },
    words: () => { showNet(); if (guide.view) showView(guide.view); if (cameraFault) noCamera(); },
  });
  speech.on = setting("sound", true);
  map = new StoreMap($("map"), store.plan);
  $("menu-open").onclick = () => { $("menu-open").blur(); menu.open(); };
  $("camera-again").onclick = (event) => { event.stopPropagation(); startCamera(); };
  $("view").addEventListener("click", tap);
  $("card").addEventListener("click", tap);
  new Scanner({ tap, scan: (code) => { if (ready) send({ type: "scan", code }); } }).listen(window);
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => speech.wake(), true);
  window.addEventListener("resize", () => { map.base = null; drawMap(true); });
  camera.onended = noCamera;
  vision = new Vision({ pose: takePose, state: (up) => { if (!up) screen.forget(); } }, size, Number(asked.get("hfov")) || 70);
  guide.start({ device: session.device, config: session.config }, store.shop);
}

// A cart's screen must not go dark between two bins; the browser lets go of this whenever the page is hidden.
function stayAwake() {
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
}
document.addEventListener("visibilitychange", () => { if (ready) stayAwake(); });

async function begin() {
  wait("starting", "starting_more");
  const code = codeOfAddress();
  if (code) {
    const why = await pair(code);
    if (why === "pair_refused" || why === "pair_failed") {
      // a link opened twice: the tablet may be paired already
      const found = await open();
      if (!Array.isArray(found)) { waitForPairing(why); return; }
    }
  }
  const found = await open();
  if (found === "unpaired") { waitForPairing("unpaired_more"); return; }
  if (found === "no_box") { wait("no_box", "no_box_more", { again: "retry" }); return; }
  navigator.storage?.persist?.().catch(() => {});
  keepForLater().catch((fault) => console.info(`offline copy: ${fault.message}`));
  guide = new Guide({
    ready: (told) => {
      ({ kept, left } = told);
      isWhole();
      ready = true;
      $("wait").hidden = true;
      $("main").hidden = false;
      showNet();
      camera.each(onFrame);
      startCamera();
      vision.connect();
      requestAnimationFrame(beat);
      stayAwake();
    },
    fault: (why) => {
      ready = false;
      if (why === "other_tab") wait("other_tab", "other_tab_more", { again: "retry" });
      else if (why === "storage") wait("storage", "storage_more", { again: "reload" });
      else if (why === "mixed" && loadAnew()) return;
      else if (why === "mixed") wait("mixed", "mixed_more", { again: "reload" });
      else if (why === "no_box") wait("no_box", "no_box_more", { again: "retry" });
      else wait("broken", "broken_more", { again: "reload" });
    },
    view: showView,
    way: () => { if (guide.view) { showCard(guide.view, guide.way.to_go_dm); task(); } },
    net: showNet,
  });
  wire(...found);
}

document.body.classList.toggle("glasses", glasses);
document.documentElement.lang = language() === "en" ? "en" : "zh-CN";
$("arrow").hidden = !glasses;
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch((fault) => console.info(`offline copy: ${fault.message}`));
// figures for the tests and for whoever asks how fast it is
globalThis.picking = {
  figures: () => ({ vision: vision?.figures, screen: screen.figures, presses: guide?.presses }),
  view: () => guide?.view, net: () => guide?.net, screen,
};
begin();
