// Time as the page uses it: the gateway's clock, and ages in words.

// Ages are against the gateway's time, not this screen's: a tablet that is 20 s slow must not make a
// silent rider look alive. HTTP's Date has whole seconds; the bounds of several answers narrow it.
export const clock = {
  low: -Infinity,
  high: Infinity,
  // Take the Date of an answer to a request that was sent at `sent` (this screen's ms).
  note(response, sent) {
    const said = Date.parse(response.headers.get("Date"));
    if (Number.isNaN(said)) return;
    const [low, high] = [said - Date.now(), said + 1000 - sent];
    [this.low, this.high] = [Math.max(this.low, low), Math.min(this.high, high)];
    if (this.low > this.high) [this.low, this.high] = [low, high]; // one of the clocks was set
  },
  offset() {
    return Number.isFinite(this.low) ? (this.low + this.high) / 2 : 0;
  },
  now() {
    return Date.now() + this.offset();
  },
};

export function ageText(ms) {
  if (!Number.isFinite(ms)) return "age unknown";
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s < 300 ? ` ${s % 60} s` : ""}`;
  return s < 172_800 ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min` : `${Math.floor(s / 86_400)} d`;
}

// For places without room for seconds.
export function roughAge(ms) {
  return ms >= 60_000 && ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : ageText(ms);
}
