// The trainer's page: the guide's own card, map and buttons, with a store to walk through instead of a camera.
import { $, Mirror } from "./mirror.js";
import { Coach, Lessons, Sheet } from "./lessons.js";
import { Pad } from "./pad.js";

const more = document.createElement("link");
more.rel = "stylesheet";
more.href = "train.css";
document.head.append(more);

const mirror = new Mirror({ tick: (tick) => coach(tick.coach) });
const send = (message) => mirror.say(message);
const lessons = new Lessons(send);
const sheet = new Sheet(send, () => lessons.open());
const pad = new Pad($("view"), send);
const line = new Coach(send);
let shown = null;
let running = false;

function coach(told) {
  if (!told) return;
  line.show(told);
  lessons.at(told);
  if (running && told.lesson === null && !lessons.dialog.open) lessons.open(); // it was left
  running = told.lesson !== null && !told.sheet;
  pad.show(told.lesson !== null && !told.sheet);
  const key = told.sheet ? JSON.stringify(told.sheet) : null;
  if (key !== shown) {
    shown = key;
    if (told.sheet) sheet.open(told);
    else sheet.close();
  }
}

// a click on the picture reaches for what is there; it is no confirmation
$("view").addEventListener("click", (event) => {
  const canvas = $("picture");
  const box = canvas.getBoundingClientRect();
  // the picture keeps its shape inside the box of the canvas
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  const x = (event.clientX - box.left - (box.width - canvas.width * scale) / 2) / scale;
  const y = (event.clientY - box.top - (box.height - canvas.height * scale) / 2) / scale;
  if (x >= 0 && y >= 0 && x < canvas.width && y < canvas.height) send({ type: "click", x: Math.floor(x), y: Math.floor(y) });
});
// a touch on the map walks there: to the bin or the place under the finger
$("map").addEventListener("click", (event) => {
  const { map } = mirror;
  if (!map?.scale) return;
  const box = $("map").getBoundingClientRect();
  const px = (event.clientX - box.left) * $("map").width / box.width;
  const py = (event.clientY - box.top) * $("map").height / box.height;
  const [x0, y0] = map.plan.room;
  const x = x0 + (px - map.left) / map.scale;
  const y = y0 + ($("map").height - map.top - py) / map.scale;
  send({ type: "goto", x_cm: Math.round(100 * x), y_cm: Math.round(100 * y) });
});
$("card").addEventListener("click", () => mirror.tap());
document.body.classList.add("train");
mirror.start().then(() => lessons.load());
globalThis.picking = { view: () => mirror.view, map: () => mirror.map, coach: () => mirror.tick?.coach, say: send }; // for the tests
