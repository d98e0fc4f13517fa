// Time as the page uses it: the gateway's clock, and ages in words.

import { t } from "./words.js";

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
  if (!Number.isFinite(ms)) return t("age unknown");
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t("{0} s", s);
  if (s < 300) return t("{0} min {1} s", Math.floor(s / 60), s % 60);
  if (s < 3600) return t("{0} min", Math.floor(s / 60));
  if (s < 172_800) return t("{0} h {1} min", Math.floor(s / 3600), Math.floor((s % 3600) / 60));
  return t("{0} d", Math.floor(s / 86_400));
}

// For places without room for seconds.
export function roughAge(ms) {
  return ms >= 60_000 && ms < 3_600_000 ? t("{0} min", Math.floor(ms / 60_000)) : ageText(ms);
}

const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

// 12:03:04 and 12:03 of this screen's time zone; – for no time.
export const timeText = (ms) => (Number.isFinite(ms) ? seconds.format(ms) : "–");
export const minuteText = (ms) => (Number.isFinite(ms) ? minutes.format(ms) : "–");
