// The picking page. Everything it shows comes over one WebSocket; names of goods are outside input and only ever
// become text nodes. Without a connection the card, the list and the map stay as they were.
"use strict";

const STATES = { tracked: ["定位正常", "tracked"], degraded: ["定位减弱", "degraded"], lost: ["定位丢失", "lost"] };
const ZONES = ["#5b6770", "#3c7f9c", "#3a5fa8"];
const $ = (id) => document.getElementById(id);

let socket = null;
let store = null;
let task = null;
let tick = null;
let found = 0;
let retryMs = 500;

function say(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
  socket = new WebSocket(`ws://${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { retryMs = 500; $("offline").hidden = true; };
  socket.onmessage = (event) => {
    if (typeof event.data !== "string") { showPicture(event.data); return; }
    const message = JSON.parse(event.data);
    if (message.type === "task") { task = message; showTask(); drawMap(); }
    if (message.type === "busy") { $("notice").hidden = false; $("notice").textContent = "请稍等 · one moment"; }
    if (message.type === "tick") { tick = message; showTick(); drawMap(); }
  };
  socket.onclose = () => {
    $("offline").hidden = false;
    showState("lost", null);
    for (const id of ["tap", "short", "skip"]) $(id).disabled = true;
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, 8000);
  };
}

async function showPicture(data) {
  try {
    const bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
    const canvas = $("picture");
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
  } finally {
    say({ type: "shown" }); // only now the next one is sent: never an old picture
  }
}

function showState(state, ageMs) {
  const box = $("state");
  box.className = `state ${state}`;
  box.querySelector("b").textContent = STATES[state][0];
  box.querySelector("small").textContent = STATES[state][1] + (ageMs === null ? "" : ageMs < 10000 ? ` ${ageMs} ms` : ` ${Math.round(ageMs / 1000)} s`);
}

function metres(dm) { return dm === null || dm === undefined ? "" : `${(dm / 10).toFixed(1)} m`; }

function showTick() {
  showState(tick.state, tick.age_ms);
  const notice = $("notice");
  notice.hidden = !tick.notice;
  notice.textContent = tick.notice;
  showProgress();
}

function showProgress() {
  if (!task || !task.total) { $("progress").textContent = ""; return; }
  const togo = tick && (task.state === "walk" || task.state === "return") ? ` · ${metres(tick.to_go_dm)}` : "";
  $("progress").textContent = `${task.picked + task.short}/${task.total}${togo}`;
}

function words() {
  const line = task.line;
  if ((task.state === "walk" || task.state === "pick") && line) {
    const pick = task.state === "pick";
    return {
      do: pick ? "已到货位 · 取货后点按确认" : "前往货位，看到货位标签后自动确认",
      bin: line.bin, qty: `×${line.qty}`, goods: line.name || line.sku,
      put: `放入 ${line.slot} 号格 · 订单 ${line.order}`,
      en: pick ? `Pick ${line.qty}, put to slot ${line.slot}, tap to confirm` : `Go to bin ${line.bin}; it confirms on sight of its label`,
    };
  }
  const short = task.short ? `，缺货 ${task.short} 行` : "";
  if (task.state === "return") return { do: "全部拣完", bin: "返回打包台", qty: "", goods: `已拣 ${task.picked} 行${short}`, put: `${task.orders} 个订单`, en: "All lines done; bring the goods to packing" };
  if (task.state === "done") return { do: `拣货单 ${task.list}`, bin: "拣货完成", qty: "", goods: `已拣 ${task.picked} 行${short}`, put: "", en: "List done" };
  return { do: "等待拣货单", bin: "待命", qty: "", goods: "", put: "", en: "Waiting for a pick list" };
}

function showTask() {
  const text = words();
  for (const key of ["do", "bin", "qty", "goods", "put", "en"]) $(key).textContent = text[key];
  $("card").className = `card ${task.state}`;
  const busy = task.state === "walk" || task.state === "pick";
  $("tap").disabled = !(task.state === "pick" || task.state === "return");
  $("short").disabled = !busy;
  $("skip").disabled = !busy;
  if (!busy) $("shortbox").hidden = true;
  showProgress();
  const list = $("list");
  list.replaceChildren(...task.lines.map((line) => {
    const now = busy && task.line && line.line === task.line.line;
    const row = document.createElement("li");
    row.className = now ? "now" : line.status;
    const cell = (name, value) => {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = value;
      row.append(part);
    };
    cell("mark", now ? "▶" : { open: "○", picked: "✓", short: "！" }[line.status]);
    cell("bin", line.bin);
    cell("name", line.name || line.sku);
    cell("qty", line.status === "short" ? `${line.found}/${line.qty}` : `×${line.qty}`);
    return row;
  }));
  const now = list.querySelector(".now");
  if (now) now.scrollIntoView({ block: "nearest" });
}

function drawMap() {
  if (!store) return;
  const canvas = $("map");
  const [x0, y0, x1, y1] = store.room;
  canvas.height = Math.round(canvas.width * Math.min(0.9, (y1 - y0) / (x1 - x0)));
  const scale = Math.min((canvas.width - 24) / (x1 - x0), (canvas.height - 24) / (y1 - y0));
  const place = ([x, y]) => [12 + (x - x0) * scale, canvas.height - 12 - (y - y0) * scale];
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const trace = (points, closed) => {
    pen.beginPath();
    points.forEach((p, i) => { const [x, y] = place(p); if (i) pen.lineTo(x, y); else pen.moveTo(x, y); });
    if (closed) pen.closePath();
  };
  for (const shelf of store.shelves) { trace(shelf.corners, true); pen.fillStyle = ZONES[shelf.zone]; pen.fill(); }
  const dm = (points) => points.map(([x, y]) => [x / 10, y / 10]);
  pen.lineJoin = pen.lineCap = "round";
  if (task && task.tour.length > 1) { trace(dm(task.tour)); pen.strokeStyle = "#a7b3bd"; pen.lineWidth = 3; pen.stroke(); }
  if (tick && tick.path.length > 1) { trace(dm(tick.path)); pen.strokeStyle = "#56b4e9"; pen.lineWidth = 7; pen.stroke(); }
  const dot = (point, r, color) => { const [x, y] = place(point); pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.fillStyle = color; pen.fill(); };
  dot(store.depot, 7, "#00b386");
  if (task) {
    const open = task.lines.filter((line) => line.status === "open");
    for (const line of open.slice(1)) if (store.bins[line.bin]) dot(store.bins[line.bin], 6, "#f0e442");
    if (open[0] && store.bins[open[0].bin]) dot(store.bins[open[0].bin], 11, "#e69f00");
  }
  if (tick && tick.pose) {
    const [x, y] = place(tick.pose);
    const a = -tick.pose[2] * Math.PI / 180;
    pen.save();
    pen.translate(x, y);
    pen.rotate(a);
    pen.beginPath();
    pen.moveTo(18, 0); pen.lineTo(-11, 11); pen.lineTo(-5, 0); pen.lineTo(-11, -11);
    pen.closePath();
    pen.fillStyle = "#ffffff"; pen.strokeStyle = "#10161c"; pen.lineWidth = 3;
    pen.stroke(); pen.fill();
    pen.restore();
  }
}

function setFound(n) {
  const most = task && task.line ? task.line.qty - 1 : 0;
  found = Math.max(0, Math.min(most, n));
  $("found").value = String(found);
}

$("tap").onclick = () => say({ type: "tap" });
$("skip").onclick = () => say({ type: "skip" });
$("short").onclick = () => { setFound(0); $("shortbox").hidden = false; };
$("less").onclick = () => setFound(found - 1);
$("more").onclick = () => setFound(found + 1);
$("shortno").onclick = () => { $("shortbox").hidden = true; };
$("shortok").onclick = () => { say({ type: "short", found }); $("shortbox").hidden = true; };

fetch("store.json").then((answer) => answer.json()).then((plan) => { store = plan; drawMap(); });
connect();
