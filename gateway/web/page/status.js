// The status line and the banners: the gateway's own state, and this page's link to it.

import { $, setText } from "./panels.js";
import { ageText, clock } from "./time.js";

const OLD_MS = 10_000;
const SKEW_MS = 5_000;
const BACKLOG_ROWS = 1_000; // more than a busy second leaves behind
const number = new Intl.NumberFormat("en-GB");

function cell(name, text, tone = "") {
  const value = document.querySelector(`[data-figure="${name}"]`);
  setText(value, text);
  value.parentElement.dataset.tone = tone;
}

function upDown(name, isUp, isDown, [good, bad]) {
  if (isDown) cell(name, "? unknown");
  else cell(name, isUp ? `✓ ${good}` : `✕ ${bad}`, isUp ? "good" : "bad");
}

// figures: the gateway's, or null; ageMs: theirs; trouble: why it cannot take records, or ''.
// downMs: how long the page has been without the gateway; isDown: so long that it must be loud.
export function showStatus({ figures, ageMs, trouble, downMs, isDown }) {
  if (isDown) cell("page", `✕ NOT LIVE ${ageText(downMs)}`, "bad");
  else cell("page", downMs ? "… connecting" : "✓ live", downMs ? "wait" : "good");
  document.body.classList.toggle("not-live", isDown);
  if (figures) showFigures(figures, ageMs, trouble, isDown);
  const loud = banners(figures ?? {}, trouble, downMs, isDown);
  showBanners(loud);
  const sign = isDown ? "✕ NOT LIVE · " : loud.some(([, , tone]) => tone === "bad") ? "▲ " : "";
  document.title = `${sign}${figures ? `${figures.site} · ` : ""}o2o edge`;
}

function showFigures(f, ageMs, trouble, isDown) {
  const unread = (f.records_unreadable ?? 0) + (f.frames_malformed ?? 0);
  const backlog = f.backlog_rows ?? 0;
  $("figures").classList.toggle("old", ageMs > OLD_MS);
  $("figures").title = `figures of ${ageText(ageMs)} ago`;
  cell("place", `${f.site} · ${f.city}`);
  upDown("devices", f.devices_broker, isDown, ["up", "DOWN"]);
  upDown("feed", f.feed_broker, isDown, ["up", "DOWN"]);
  upDown("commit", !trouble, isDown, ["writing", "TROUBLE"]);
  cell("backlog", number.format(backlog), backlog > BACKLOG_ROWS ? "warn" : "");
  cell("records", number.format(f.records ?? 0));
  cell("repeated", number.format(f.records_repeated ?? 0));
  cell("gaps", `${number.format(f.gaps ?? 0)} / ${number.format(f.records_lost ?? 0)}`, f.gaps ? "warn" : "");
  cell("unread", number.format(unread), unread ? "warn" : "");
  cell("uptime", isDown ? "?" : ageText(f.uptime_s * 1000 + ageMs));
}

function banners(f, trouble, downMs, isDown) {
  const loud = [];
  const say = (title, text, tone = "bad") => loud.push([title, text, tone]);
  if (isDown) {
    say("NOT LIVE", `The gateway does not answer this page: everything below is ${ageText(downMs)} old or older. Trying again every second.`);
  } else {
    if (trouble) say("COMMIT LOG IN TROUBLE", `${trouble}. Nothing is committed or acknowledged; the boards keep their records.`);
    if (f.devices_broker === false) say("BOARDS CANNOT REACH US", "The broker of the boards is down: no new positions or temperatures until it is back. Boards keep their records.");
    if (f.feed_broker === false) say("FEED IS HELD BACK", `The feed's broker is down: ${number.format(f.backlog_rows ?? 0)} rows wait here, on disk.`);
    if (f.logs_behind) say("A LOG WENT BACK IN TIME", `${number.format(f.logs_behind)} times a board offered a log that ends before what was committed of it: nothing is taken from it. See the gateway's log.`);
  }
  const skew = clock.offset();
  if (Math.abs(skew) > SKEW_MS) say("CLOCK", `This screen's clock is ${ageText(Math.abs(skew))} ${skew > 0 ? "slow" : "fast"}; ages follow the gateway's clock.`, "note");
  return loud;
}

function showBanners(loud) {
  const parent = $("banners");
  while (parent.childElementCount > loud.length) parent.lastElementChild.remove();
  loud.forEach(([title, text, tone], i) => {
    if (!parent.children[i]) {
      parent.append(document.createElement("p"));
      parent.children[i].append(document.createElement("strong"), document.createElement("span"));
    }
    const banner = parent.children[i];
    banner.className = tone;
    setText(banner.firstElementChild, title);
    setText(banner.lastElementChild, text);
  });
}
