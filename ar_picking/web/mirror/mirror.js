// The page of a guide that runs on this machine (`o2o ar guide --http`): it shows what the guide shows and sends
// its buttons. Card, map, buttons and words are those of the tablet's page.

import { showCard, showCart, showList } from "./card.js";
import { Controls, Notices, PressGuard } from "./controls.js";
import { Menu } from "./menu.js";
import { StoreMap } from "./map.js";
import { Scanner } from "./scanner.js";
import { also, language, say } from "./words.js";

export const $ = (id) => document.getElementById(id);

export class Mirror {
  // more: {tick(object)} of a page that shows more than a mirror
  constructor(more = {}) {
    this.more = more;
    this.view = null;
    this.tick = null;
    this.retryMs = 500;
    this.notices = new Notices();
    this.guard = new PressGuard();
    this.controls = new Controls((event) => this.press(event));
    this.menu = new Menu($("menu"), { send: (event) => this.say(event), sound() {}, words: () => this.draw() });
    this.map = null;
    this.said = "";
    $("menu-open").onclick = () => { $("menu-open").blur(); this.menu.open(); };
    $("net").hidden = true;
    new Scanner({ tap: () => this.tap(), scan: (code) => this.say({ type: "scan", code }) }).listen(window);
    window.addEventListener("resize", () => { if (this.map) this.map.base = null; this.drawMap(); });
  }

  async start() {
    const store = await (await fetch("store.json")).json();
    this.map = new StoreMap($("map"), store);
    $("main").hidden = false;
    $("wait").hidden = true;
    this.connect();
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // What a finger pressed.
  press(message) {
    if (this.guard.passes(message)) this.say(message);
  }

  tap() {
    if (this.view?.can?.includes("tap") && this.controls.kind() === null) this.press({ type: "tap" });
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.retryMs = 500; $("camera-off").hidden = true; };
    socket.onmessage = (event) => {
      if (typeof event.data !== "string") { this.picture(event.data); return; }
      const message = JSON.parse(event.data);
      if (message.type === "view") { this.view = message.view; this.draw(); }
      else if (message.type === "tick") this.take(message);
      else if (message.type === "busy") this.notices.show({ code: "busy", zh: "请稍等", en: "one moment" });
    };
    socket.onclose = () => {
      const box = $("camera-off");
      box.hidden = false;
      box.querySelector("b").textContent = "连接中断，正在重连…";
      box.querySelector("small").textContent = "Disconnected, trying again";
      $("camera-again").hidden = true;
      this.state("lost", null);
      for (const button of $("buttons").children) button.disabled = true;
      setTimeout(() => this.connect(), this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, 8000);
    };
  }

  take(tick) {
    this.tick = tick;
    this.state(tick.state, tick.age_ms);
    $("net").hidden = !tick.recording;
    $("net").className = "net memory";
    $("net").querySelector("b").textContent = "录像 REC";
    const told = tick.notice ? JSON.stringify(tick.notice) : "";
    if (told && told !== this.said) this.notices.show(tick.notice.reason);
    this.said = told;
    if (this.view) showCard(this.view, tick.to_go_dm);
    this.drawMap();
    this.more.tick?.(tick);
  }

  state(state, age) {
    const box = $("state");
    box.className = `state ${state}`;
    box.querySelector("b").textContent = say(state);
    const old = age === null ? "" : age < 10000 ? ` ${age} ms` : ` ${Math.round(age / 1000)} s`;
    box.querySelector("small").textContent = also(state) + old;
  }

  draw() {
    const { view } = this;
    if (!view) return;
    showCard(view, this.tick?.to_go_dm);
    showList(view);
    showCart(view, (slot) => this.press({ type: "put", slot }));
    this.guard.show(view);
    this.controls.show(view);
    this.menu.show(view);
    document.body.dataset.state = view.state;
    document.body.dataset.step = view.step ?? "";
    this.drawMap();
  }

  drawMap() {
    if (!this.map || !this.view) return;
    const { tick } = this;
    const way = { path: tick?.path ?? [], tour: tick?.tour ?? [], to_go_dm: tick?.to_go_dm };
    const at = tick?.pose ? { x: tick.pose[0], y: tick.pose[1], heading: tick.pose[2], fresh: tick.state === "tracked" } : null;
    this.map.draw(this.view, way, at);
  }

  async picture(data) {
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
      this.say({ type: "shown" }); // only now the next one is sent: never an old picture
    }
  }
}

document.documentElement.lang = language() === "en" ? "en" : "zh-CN";
