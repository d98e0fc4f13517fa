// Recorded words played in a row, and the sound of something wrong. A clip that is not there is left out.

export class Speech {
  constructor(language) {
    this.language = language; // () -> "zh" | "en"
    this.on = true;
    this.audio = null;
    this.clips = new Map(); // "zh/go_to" -> AudioBuffer, or null when there is none
    this.playing = [];
    this.turn = 0;
  }

  // Browsers start sound only from a touch or a key.
  wake() {
    try {
      this.audio ??= new AudioContext({ latencyHint: "interactive" });
      if (this.audio.state === "suspended") this.audio.resume();
    } catch { this.audio = null; }
  }

  async clip(id) {
    const name = `${this.language()}/${id}`;
    if (this.clips.has(name)) return this.clips.get(name);
    let buffer = null;
    try {
      const answer = await fetch(`/clips/${this.language()}/${encodeURIComponent(id)}.ogg`);
      if (answer.ok) buffer = await this.audio.decodeAudioData(await answer.arrayBuffer());
      else if (answer.status !== 404) return null; // not kept: it may come back
    } catch { return null; }
    if (this.clips.size > 400) this.clips.clear();
    this.clips.set(name, buffer);
    return buffer;
  }

  // Says clips one behind the other; what was being said stops: the newest hint is the one that counts.
  async say(ids) {
    const mine = ++this.turn;
    this.stop();
    if (!this.on || !this.audio || !ids?.length) return;
    const buffers = await Promise.all(ids.slice(0, 24).map((id) => this.clip(id)));
    if (mine !== this.turn || !this.audio) return;
    let at = this.audio.currentTime + 0.02;
    for (const buffer of buffers) {
      if (!buffer) continue;
      const source = this.audio.createBufferSource();
      source.buffer = buffer;
      source.connect(this.audio.destination);
      source.start(at);
      this.playing.push(source);
      at += buffer.duration;
    }
  }

  stop() {
    for (const source of this.playing) { try { source.stop(); } catch { /* it has ended */ } }
    this.playing = [];
  }

  // Two low tones: wrong. One high: taken. Heard even where no clips are.
  tone(wrong) {
    if (!this.on || !this.audio) return;
    const notes = wrong ? [[220, 0, 0.14], [165, 0.16, 0.2]] : [[880, 0, 0.07]];
    for (const [hz, from, length] of notes) {
      const source = this.audio.createOscillator();
      const volume = this.audio.createGain();
      source.type = wrong ? "square" : "sine";
      source.frequency.value = hz;
      const at = this.audio.currentTime + from;
      volume.gain.setValueAtTime(0.2, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + length);
      source.connect(volume).connect(this.audio.destination);
      source.start(at);
      source.stop(at + length);
    }
    if (wrong) navigator.vibrate?.([80, 60, 160]);
  }
}
