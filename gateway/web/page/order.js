// One order, whole: what was promised, who has it, its delay risk, its temperatures, all that happened.

import { ask } from "./ask.js";
import { bandOf } from "./bands.js";
import { TempChart } from "./chart.js";
import { fillEvent } from "./events.js";
import { $, dots, fromTemplate, line, made, setText } from "./rows.js";
import { RISKS, levelOf, sensing } from "./standing.js";
import { ageText, clock, minuteText } from "./time.js";
import { t } from "./words.js";
import { toneOf, word } from "./wording.js";

const AGAIN_MS = 5_000;
const OVER = ["handed_over", "cancelled", "refused", "failed", "expired"];

export class OrderView {
  // onPick(name): its rider was chosen; onAct(order, action): somebody wants to do something with it.
  constructor({ onPick, onAct }) {
    this.dialog = $("order-view");
    this.chart = new TempChart($("order-temps"));
    this.order = null;
    $("order-rider").addEventListener("click", () => {
      this.dialog.close();
      onPick($("order-rider").textContent);
    });
    $("order-cancel").addEventListener("click", () => onAct(this.order, "cancel"));
    this.dialog.addEventListener("close", () => { this.order = null; });
    setInterval(() => this.order && !document.hidden && this.load(), AGAIN_MS);
  }

  // until(): the time that counts as now, of a replay.
  async open(order, until) {
    [this.order, this.until] = [order, until];
    setText($("order-title"), order);
    setText($("order-told"), t("loading …"));
    for (const id of ["order-facts", "order-events"]) $(id).replaceChildren();
    this.chart.show([], clock.now());
    $("order-temps-empty").hidden = false;
    if (!this.dialog.open) this.dialog.showModal();
    await this.load();
  }

  async load() {
    const { order } = this;
    const { body, error } = await ask(`/api/orders/${encodeURIComponent(order)}`);
    if (order !== this.order) return;
    if (error) setText($("order-told"), error);
    else this.fill(body);
  }

  fill({ state, told, taken_ms: taken, subject, events, temps, more }) {
    const now = this.until();
    const seen = events.filter((message) => !(Date.parse(message.t ?? message.received) > now));
    const last = (stream) => seen.findLast((message) => message.stream === stream);
    const was = (seen.length < events.length && last("order")?.state) || state; // of a replay: what it was then
    setText($("order-told"), dots(word(was), told.profile && t(told.profile), taken && t("taken {0}", minuteText(taken))));
    setText($("order-rider"), subject);
    $("order-rider").hidden = !subject;
    $("order-cancel").disabled = OVER.includes(was);
    this.facts(was, told, last("risk"), last("excursion"), seen.findLast((message) => message.verdict), now);
    $("order-events").replaceChildren(...seen.reverse().map((message) => {
      const { row, parts } = fromTemplate("event-row");
      fillEvent(row, parts, message);
      parts.order.hidden = true;
      setText(parts.who, message.subject);
      return row;
    }));
    $("order-more").hidden = !more;
    this.temperatures(temps, events, told, now);
  }

  facts(state, { promised, building, floor }, risk, cold, verdict, now) {
    const list = [];
    const due = Date.parse(promised);
    const isOver = OVER.includes(state);
    if (Number.isFinite(due)) {
      const left = ageText(Math.abs(due - now));
      list.push([t("promised"), dots(minuteText(due), !isOver && (due < now ? t("{0} ago", left) : t("in {0}", left))), !isOver && due < now ? "bad" : ""]);
    }
    if (risk) {
      const [rank, sign, said] = levelOf(RISKS, risk.level);
      const age = ageText(Math.abs(risk.slack_s) * 1000);
      list.push([t("delay risk"), dots(line(sign, rank ? t(said) : t("✓ on time")), Number.isFinite(risk.late_pct) && `${risk.late_pct} %`,
        Number.isFinite(risk.slack_s) && (risk.slack_s < 0 ? t("{0} late", age) : t("{0} to spare", age))), toneOf(rank)]);
    }
    if (cold) list.push([t("cold chain"), dots(word(cold.state), cold.profile && t(cold.profile)), cold.state === "in" ? "" : cold.state === "warn" ? "warn" : "bad"]);
    if (verdict) list.push([t("verdict"), t(String(verdict.verdict).toUpperCase()), { pass: "", fail: "bad" }[verdict.verdict] ?? "warn"]);
    if (building) list.push([t("house"), line(building, Number.isFinite(floor) && t("floor {0}", floor))]);
    $("order-facts").replaceChildren(...list.flatMap(([name, value, tone]) => [made("dt", "", name), made("dd", tone, value)]));
  }

  temperatures(temps, events, told, now) {
    const sensors = Object.entries(temps).map(([name, curve]) => {
      const points = curve.map(([at, cc]) => [Date.parse(at), cc]).filter(([at]) => at <= now);
      const mine = events.filter((message) => message.sensor === name && message.stream === "excursion");
      const marks = mine.map((message) => [Date.parse(message.t ?? message.received), message.state]);
      const profile = mine.at(-1)?.profile ?? told.profile ?? "";
      const sensor = { name, points, profile, marks, lost: NaN };
      const end = points.at(-1)?.[0] ?? now;
      return { ...sensing(sensor, end), band: bandOf(sensor), label: t("sensor {0}", `…${name.slice(-4)}`) };
    }).filter(({ points }) => points.length);
    const ends = sensors.flatMap(({ points }) => [points[0][0], points.at(-1)[0]]);
    $("order-temps-empty").hidden = sensors.length > 0;
    this.chart.show(sensors, Math.max(...ends), Math.min(...ends));
  }
}
