// What an event says: a main line, a second line, and how much it matters: '' as usual, 'warn' worth a
// look, 'bad' somebody must act. Chinese first where the record has it.

import { degrees } from "./bands.js";
import { dots, line, plain } from "./rows.js";
import { ACT, COLDS, RISKS, isAlarm, levelOf } from "./standing.js";
import { ageText } from "./time.js";
import { language, t } from "./words.js";

export const toneOf = (rank) => (rank >= ACT ? "bad" : rank ? "warn" : "");

// A word of the feed in the page's language.
export const word = (name) => t(plain(name));

export function wording(m) {
  const tone = isAlarm(m) ? "bad" : "";
  const both = (text, more) => ({ main: m.text_zh || text, more: dots(m.text_zh && language.now !== "zh" && text, more), tone });
  const of = m.order;
  switch (m.stream) {
    case "alert": return both(m.text_en || word(m.alert) || t("alert"), of);
    case "risk": return riskWording(m, both);
    case "excursion": return excursionWording(m, both);
    case "integrity": return m.event === "verdict" ? verdictWording(m) : boxWording(m, both);
    case "exception": return m.code === "overspeed"
      ? { main: line(t("rode above 25 km/h"), m.seconds_s && t("for {0} s", m.seconds_s)), more: dots(m.speed_mm_s && t("up to {0} km/h", Math.round(m.speed_mm_s * 0.0036)), of), tone: "warn" }
      : { main: word(m.code) || t("exception"), more: of, tone: "warn" };
    case "order": return { main: line(m.order, word(m.state)), more: m.reason, tone: m.state === "refused" || m.state === "failed" ? "warn" : "" };
    case "presence": return { main: word(m.state), more: line(m.implementation, m.firmware), tone: m.state === "offline" ? "warn" : "" };
    case "pick": return pickWording(m);
    default: return healthWording(m);
  }
}

function riskWording(m, both) {
  const [rank, sign, said] = levelOf(RISKS, m.level);
  const age = ageText(Math.abs(m.slack_s) * 1000);
  const slack = Number.isFinite(m.slack_s) && (m.slack_s < 0 ? t("{0} late", age) : t("{0} to spare", age));
  const text = both(m.text_en ?? "", "");
  const more = dots(text.more, m.order, `${word(m.was)} → ${word(m.level)}`, slack);
  return { main: line(sign, `${rank ? t(said) : t("on time again")}${text.main ? ":" : ""}`, text.main), more, tone: toneOf(rank) };
}

function excursionWording(m, both) {
  const [rank, sign, said] = levelOf(COLDS, m.state);
  const side = m.side === "low" ? t("too cold") : t("too warm");
  const text = both(line(m.order, rank ? `${side}: ${t(said)}` : t("back in its range")), "");
  const temps = [["air", m.temp_cc], ["goods", m.product_cc], ["limit", m.limit_cc]].map(([name, cc]) => Number.isFinite(cc) && `${t(name)} ${degrees(cc)}`);
  const more = dots(text.more, m.profile && t(m.profile), ...temps, m.unknown_s > 0 && t("{0} unknown", ageText(m.unknown_s * 1000)));
  return { main: line(sign, text.main), more, tone: toneOf(rank) };
}

function verdictWording(m) {
  const [sign, tone] = { pass: ["✓", ""], fail: ["■", "bad"] }[m.verdict] ?? ["◆", "warn"];
  const range = Number.isFinite(m.min_cc) && Number.isFinite(m.max_cc) ? t("{0} to {1}", degrees(m.min_cc), degrees(m.max_cc)) : "";
  const unknown = m.unknown_s ? t("{0} of {1} unknown", ageText(m.unknown_s * 1000), ageText(m.total_s * 1000)) : "";
  const said = t(String(m.verdict ?? "?").toUpperCase());
  return { main: line(sign, m.order, t("cold chain:"), said), more: dots(m.profile && t(m.profile), range, unknown, m.reason), tone };
}

function boxWording(m, both) {
  const said = both(m.text_en || word(m.what) || t("box"), m.order);
  return { ...said, tone: { sensor_lost: "bad", sensor_found: "", door_closed: "" }[m.what] ?? "warn" };
}

function healthWording(m) {
  const made = line(m.implementation, m.firmware);
  if (m.event === "gap") return { main: t("records {0} to {1} are lost", m.from_seq, m.to_seq), more: line(m.of_log, word(m.why)), tone: "warn" };
  if (m.event === "unreadable") return { main: t("a record could not be read"), more: m.why, tone: "warn" };
  if (m.event === "restart") return { main: line(t("restarted a part:"), plain(m.subsystem)), more: m.silent_ms && t("silent for {0}", ageText(m.silent_ms)), tone: "warn" };
  if (m.event !== "boot") return { main: word(m.event ?? "health"), more: made };
  return { main: t("board started, boot {0}", m.boot ?? "?"), more: dots(m.reset_cause && t("after: {0}", plain(m.reset_cause)), m.config && t("new configuration refused: {0}", m.config), made) };
}

function pickWording(m) {
  const goods = line(m.qty && `${m.qty} ×`, m.sku, m.bin && t("at {0}", m.bin));
  const metres = (dm) => `${Math.round(dm / 10)} m`;
  if (m.event === "list_started") {
    const order = m.list_order_dm ? t(", in the list's order {0}", metres(m.list_order_dm)) : "";
    return { main: t("{0} started: {1} lines", m.list, m.lines ?? "?"), more: m.walk_dm ? `${t("walk {0} ({1})", metres(m.walk_dm), m.method ?? "?")}${order}` : "" };
  }
  if (m.event === "list_done") {
    return { main: t("{0} done: {1} picked, {2} short", m.list, m.picked ?? "?", m.short ?? 0), more: m.walked_dm ? t("walked {0}", metres(m.walked_dm)) : "" };
  }
  if (m.event === "list_refused") return { main: t("{0} refused", m.list), more: m.reason, tone: "warn" };
  if (m.event === "short") return { main: line(m.list, t("short: found {0} of", m.found ?? 0), goods), more: m.reason, tone: "warn" };
  return { main: line(m.list, word(m.event), goods), more: m.reason };
}
