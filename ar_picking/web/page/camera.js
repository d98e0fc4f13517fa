// The tablet's camera: pictures with the time they were taken.

export class CameraFeed {
  constructor(video) {
    this.video = video;
    this.running = false;
  }

  // Asks for the camera; size [w, h] as wished. Throws what the browser says when it is refused.
  async start(size) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("no camera here: the page needs https");
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: "environment" }, width: { ideal: size[0] }, height: { ideal: size[1] }, frameRate: { ideal: 30 } },
    });
    const track = stream.getVideoTracks()[0];
    this.video.srcObject = stream;
    await this.video.play();
    this.running = true;
    track.onended = () => { this.running = false; this.onended?.(); };
    await lockFocus(track);
  }

  stop() {
    for (const track of this.video.srcObject?.getTracks() ?? []) { track.onended = null; track.stop(); }
    this.running = false;
  }

  // Calls back for every picture that comes to the screen with the time it was taken, ms of performance.now().
  each(then) {
    const { video } = this;
    const next = () => {
      if (!video.requestVideoFrameCallback) {
        requestAnimationFrame((now) => { if (this.running) then(now); next(); });
        return;
      }
      video.requestVideoFrameCallback((now, meta) => {
        const taken = meta.captureTime ?? meta.expectedDisplayTime ?? now;
        // a clock of its own would put every pose into the past or the future
        then(Math.abs(taken - now) < 500 ? Math.min(taken, now) : now);
        next();
      });
    };
    next();
  }
}

// A lens that hunts changes its focal length: a calibration holds for one focus.
async function lockFocus(track) {
  const can = track.getCapabilities?.() ?? {};
  if (!can.focusMode?.includes("manual") || !can.focusDistance) return;
  const at = Math.min(Math.max(1.5, can.focusDistance.min), can.focusDistance.max);
  try {
    await track.applyConstraints({ advanced: [{ focusMode: "manual", focusDistance: at }] });
  } catch { /* then the camera keeps its own focus */ }
}
