// Pictures to the edge box, poses back. Two pictures are under way at most; one that has to wait is replaced by the
// newest. Without the box nothing here fails: the page shows card and map.

const IN_FLIGHT = 2;
const LOST_MS = 2000; // an answer that did not come by then is not waited for
const RETRY_MS = [400, 3000];
const QUALITY = 0.6;

export class Vision {
  // on: {pose(message), state(up)}
  constructor(on, size, hfov) {
    this.on = on;
    this.hello = { type: "hello", size, hfov_deg: hfov, device_file: null };
    this.socket = null;
    this.up = false;
    this.flying = new Map(); // number -> when it was sent
    this.encoding = false;
    this.number = 0;
    this.retry = RETRY_MS[0];
    this.timer = null;
    this.task = null;
    this.canvas = new OffscreenCanvas(size[0], size[1]);
    this.pen = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.figures = { sent: 0, answered: 0, skipped: 0, roundTrips: [], bytes: 0 };
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/vision`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.retry = RETRY_MS[0];
      this.up = true;
      this.flying.clear();
      socket.send(JSON.stringify(this.hello));
      if (this.task) socket.send(this.task);
      this.on.state(true);
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = () => {
      this.up = false;
      this.on.state(false);
      this.timer = setTimeout(() => this.connect(), this.retry * (0.5 + Math.random()));
      this.retry = Math.min(2 * this.retry, RETRY_MS[1]);
    };
  }

  // The box was heard of in another way: try now.
  hurry() {
    if (this.up || this.socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.timer);
    this.connect();
  }

  // What is to be drawn into the store; sent when it is another one.
  show(task) {
    const text = JSON.stringify({ type: "task", ...task });
    if (text === this.task) return;
    this.task = text;
    if (this.up) this.socket.send(text);
  }

  // The size of the camera's pictures is known only when it runs, and may change.
  fit(video) {
    const [w, h] = [video.videoWidth, video.videoHeight];
    if (!w || (this.canvas.width === w && this.canvas.height === h)) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.hello.size = [w, h];
    if (this.up) this.socket.send(JSON.stringify(this.hello));
  }

  // Sends the picture that is on the screen now, if there is room; taken: performance.now() of it.
  async offer(video, taken) {
    const now = performance.now();
    for (const [n, at] of this.flying) if (now - at > LOST_MS) this.flying.delete(n);
    if (!this.up || this.encoding || this.flying.size >= IN_FLIGHT || this.socket.bufferedAmount > 200_000) {
      this.figures.skipped += 1;
      return;
    }
    this.encoding = true;
    try {
      this.fit(video);
      this.pen.drawImage(video, 0, 0, this.canvas.width, this.canvas.height);
      const blob = await this.canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
      const jpeg = await blob.arrayBuffer();
      if (!this.up) return;
      const message = new Uint8Array(8 + jpeg.byteLength);
      const head = new DataView(message.buffer);
      const n = this.number = (this.number + 1) >>> 0;
      head.setUint32(0, n, true);
      head.setUint32(4, Math.round(taken) >>> 0, true);
      message.set(new Uint8Array(jpeg), 8);
      this.socket.send(message);
      this.flying.set(n, taken);
      this.figures.sent += 1;
      this.figures.bytes += message.length;
    } finally {
      this.encoding = false;
    }
  }

  take(data) {
    if (typeof data !== "string") return;
    let message;
    try { message = JSON.parse(data); } catch { return; }
    if (message.type === "reject") this.flying.delete(message.n); // it was not looked at
    if (message.type !== "pose") return;
    const at = this.flying.get(message.n);
    this.flying.delete(message.n);
    if (at !== undefined) {
      this.figures.answered += 1;
      const trips = this.figures.roundTrips;
      trips.push([performance.now() - at, message.box_ms ?? null]);
      if (trips.length > 4000) trips.shift();
    }
    this.on.pose(message);
  }
}
