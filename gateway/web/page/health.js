// What is wrong, and since when: one line for who stands two metres away, and a strip of all key figures.
// Green, yellow and red are also a shape and a word.

import { $, arrange, dots, line, made, plain, setText } from "./rows.js";
import { ageText, clock, minuteText, timeText } from "./time.js";
import { language, t } from "./words.js";

const SKEW_MS = 5_000;
const QUIET_MS = 7_000; // the stream has a beat every 5 s
const OTHERS = 3; // further troubles told below the first
const STATES = { red: [2, "■", "act"], yellow: [1, "◆", "look"], green: [0, "●", "ok"] };
const LABELS = {
  answer_ms: "answers", feed_delay_ms: "record to feed", commit_ms: "a commit takes", commit_age_s: "last commit", log_age_s: "log age",
  log_fill_pct: "log fill", upstream_down_s: "upstream", devices_down_s: "boards' broker", rejects_per_min: "refused", silent_pct: "silent boards",
  alert_delay_ms: "alert delay", clock_skew_ms: "clocks", registry_trouble_s: "registry", certificate_days: "certificate", disk_free_mb: "disk free",
};
const DOWN = ["upstream_down_s", "devices_down_s"]; // 0 is: it is there

const number = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

const short = (value) => (value >= 1000 ? `${number.format(value / 1000)}k` : number.format(value));

function amount(value, unit) {
  if (!Number.isFinite(value)) return "?";
  if (unit === "s" && value >= 60) return ageText(value * 1000);
  if (unit === "MB" && value >= 10_000) return `${Math.round(value / 1000)} GB`;
  return line(number.format(value < 10 ? Math.round(value * 10) / 10 : Math.round(value)), unit);
}

// One of the gateway's thresholds as a line of the strip; null for one without a figure.
function judged({ name, level, state = level, value, unit, yellow, red, sense, since, text }) {
  if (!Object.hasOwn(STATES, state)) return null;
  const limits = Number.isFinite(red) ? `${sense === "below" ? "<" : ">"} ${short(yellow)} / ${short(red)}` : "";
  const isUp = DOWN.includes(name) && !value;
  return {
    name, state, limits, text: t(text ?? ""), since: Date.parse(since), label: t(LABELS[name] ?? plain(name)),
    value: isUp ? t("up") : DOWN.includes(name) ? t("down {0}", amount(value, unit)) : amount(value, unit),
  };
}

export class Health {
  constructor() {
    this.cells = new Map();
    this.begun = new Map(); // trouble that this page found by itself: since when
  }

  // figures: the gateway's, or null. health: its thresholds. trouble: why it takes no records, or ''. downMs: how
  // long the page has been without it; isDown: so long that it must be loud; quietMs: since the last sign on
  // the stream. help: {count, first, since} of who needs somebody, first in words. asOf: the time shown, of
  // a replay, else null.
  show({ figures, health, trouble, downMs, isDown, quietMs, help, asOf }) {
    const own = this.own(figures ?? {}, trouble, downMs, isDown, quietMs, health ?? []);
    const all = [...own, ...(isDown ? [] : (health ?? []).map(judged).filter(Boolean))];
    this.strip(all, figures, isDown);
    this.headline(all, help, asOf);
    const wrong = all.some(({ state }) => state === "red");
    document.body.classList.toggle("not-live", isDown && asOf === null);
    document.title = `${isDown ? "✕ NOT LIVE · " : wrong ? "■ " : help.count ? "▲ " : ""}${figures ? `${figures.site} · ` : ""}o2o edge`;
  }

  since(name, isSo) {
    if (!isSo) this.begun.delete(name);
    else if (!this.begun.has(name)) this.begun.set(name, clock.now());
    return this.begun.get(name) ?? NaN;
  }

  own(f, trouble, downMs, isDown, quietMs, health) {
    const has = (name) => health.some((each) => each.name === name && Object.hasOwn(STATES, each.level ?? each.state));
    const found = [];
    const note = (name, label, isRed, value, text, state = isRed ? "red" : "green") => {
      found.push({ name, label: t(label), state, value: t(value), limits: "", text, since: this.since(name, state !== "green") });
    };
    const quiet = quietMs > QUIET_MS && !downMs;
    const isLate = downMs || quiet;
    note("page", "this page", isDown, isDown ? "NOT LIVE" : downMs ? "connecting" : quiet ? t("no data for {0}", ageText(quietMs)) : "live",
      isDown ? t("The gateway does not answer this page: everything below is {0} old or older. Trying again every second.", ageText(downMs))
        : t("The stream stands still; trying to open it again."), isDown ? "red" : isLate ? "yellow" : "green");
    if (isDown) return found;
    const rows = number.format(f.backlog_rows ?? 0);
    note("commit", "commit log", Boolean(trouble), trouble ? "TROUBLE" : "writing", t("{0}. Nothing is committed or acknowledged; the boards keep their records.", trouble));
    if (!has("devices_down_s")) note("devices", "boards' broker", f.devices_broker === false, f.devices_broker === false ? "DOWN" : "up", t("No new positions or temperatures until it is back. Boards keep their records."));
    if (!has("upstream_down_s")) note("upstream", "upstream", f.feed_broker === false, f.feed_broker === false ? "DOWN" : "up", t("{0} rows wait here, on disk.", rows));
    if (f.logs_behind) note("behind", "a log went back", true, number.format(f.logs_behind), t("So many times a board offered a log that ends before what was committed of it: nothing is taken from it. See the gateway's log."));
    const skew = clock.offset();
    if (Math.abs(skew) > SKEW_MS) note("screen", "this screen's clock", false, skew > 0 ? t("{0} slow", ageText(skew)) : t("{0} fast", ageText(-skew)), t("Ages follow the gateway's clock."), "yellow");
    return found;
  }

  strip(all, figures, isDown) {
    if (figures) setText($("place"), `${figures.site} · ${figures.city}`);
    arrange($("health"), all.map((each) => this.cell(each)));
    $("health").classList.toggle("old", isDown);
  }

  cell({ name, label, state, value, limits, text, since }) {
    if (!this.cells.has(name)) {
      const row = made("li", "");
      const parts = { label: made("span", "label"), sign: made("i", "sign"), value: made("b", "value"), limits: made("small", "limits") };
      row.append(parts.label, parts.sign, parts.value, parts.limits);
      row.dataset.figure = name;
      row.tabIndex = -1;
      this.cells.set(name, { row, parts });
    }
    const { row, parts } = this.cells.get(name);
    const [, sign, word] = STATES[state];
    row.dataset.state = state;
    setText(parts.label, label);
    setText(parts.sign, sign);
    parts.sign.title = t(word);
    setText(parts.value, value);
    setText(parts.limits, limits);
    row.title = dots(`${sign} ${t(word)}`, label, value, limits && t("yellow / red {0}", limits), Number.isFinite(since) && t("since {0}", timeText(since)), state !== "green" && text);
    return row;
  }

  // The worst first; of two alike the one that has stood longer.
  headline(all, help, asOf) {
    const wrong = all.filter(({ state }) => state !== "green");
    wrong.sort((a, b) => STATES[b.state][0] - STATES[a.state][0] || (a.since || Infinity) - (b.since || Infinity));
    const now = clock.now();
    const lines = wrong.map((each) => ({
      tone: each.state === "red" ? "bad" : "warn", title: `${STATES[each.state][1]} ${each.label}: ${each.value}`, since: each.since, text: each.text,
    }));
    if (help.count) {
      const title = language.now === "en" && help.count === 1 ? "▲ 1 needs help" : t("▲ {0} need help", help.count);
      const reds = lines.filter(({ tone }) => tone === "bad").length;
      lines.splice(reds, 0, { tone: "bad", title, since: help.since, text: help.first });
    }
    if (asOf !== null) lines.unshift({ tone: "past", title: t("⟲ REPLAY {0}", timeText(asOf)), since: NaN, text: t("This is the past: what is known now about then. Back to now: Esc, or the button below the map.") });
    const [first, ...others] = lines;
    const head = $("headline");
    head.dataset.tone = first?.tone ?? "good";
    setText($("headline-title"), first?.title ?? t("✓ All well"));
    const age = Number.isFinite(first?.since) ? t("since {0} ({1})", minuteText(first.since), ageText(now - first.since)) : "";
    setText($("headline-since"), age);
    setText($("headline-text"), first?.text ?? "");
    const shown = others.slice(0, OTHERS);
    const parent = $("troubles");
    while (parent.childElementCount > shown.length) parent.lastElementChild.remove();
    shown.forEach(({ tone, title, since, text }, i) => {
      const row = parent.children[i] ?? parent.appendChild(document.createElement("li"));
      row.dataset.tone = tone;
      setText(row, dots(title, Number.isFinite(since) && t("since {0} ({1})", minuteText(since), ageText(now - since)), text));
    });
  }
}
