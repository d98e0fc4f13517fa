// What somebody carries: orders with their risk and cold chain, the next stops; and the list of all orders.

import { $, arrange, dots, fromTemplate, line, setText } from "./rows.js";
import { ACT, RISKS, coldOf, levelOf } from "./standing.js";
import { ageText } from "./time.js";
import { toneOf, word } from "./wording.js";
import { t } from "./words.js";

const STOPS = 4; // stops that are said: at most so many
const ORDERS_SHOWN = 200;

// An order with its delay risk and its cold chain: [text, tone].
export function orderChip([order, held]) {
  const [late, sign, said] = levelOf(RISKS, held.risk.level);
  const [cold, shape, state] = coldOf(held);
  const risk = said && line("·", sign, t(said), Number.isFinite(held.risk.late_pct) ? `${held.risk.late_pct} %` : "");
  return [line(order, word(held.state) || "?", risk, state && line("·", shape, t(state))), toneOf(Math.max(late, cold))];
}

// The next stops; "+A17,-A17" is: pick A17 up, hand it over.
export function stopChips(stops, orders) {
  const all = String(stops?.sequence ?? "").split(",").filter(Boolean);
  if (!all.length || (all.length === 1 && all[0][0] === "-" && orders.has(all[0].slice(1)) && !stops.late)) return []; // nothing new
  const next = all.slice(0, STOPS).map((stop) => line(stop[0] === "+" ? t("pick up") : t("hand over"), stop.slice(1)));
  const chip = [[line(t("next:"), next.join(" → "), all.length > STOPS ? t("and {0} more", all.length - STOPS) : ""), "dim"]];
  return stops.late > 0 ? [...chip, [t("◆ {0} will miss their time", stops.late), "warn"]] : chip;
}

// All open orders, the greatest delay risk first.
export class OrderList {
  constructor({ onOrder }) {
    this.onOrder = onOrder;
    this.rows = new Map();
  }

  show(people, now) {
    const all = [];
    for (const person of people) {
      for (const [order, held] of person.orders) {
        const late = levelOf(RISKS, held.risk.level);
        const cold = coldOf(held);
        all.push({ order, held, person, late, cold, rank: Math.max(late[0], cold[0]) });
      }
    }
    const act = all.filter((each) => each.rank >= ACT).length;
    setText($("orders-count"), dots(all.length, act && `▲ ${act}`));
    if ($("panel-orders").hidden) return;
    all.sort((a, b) => b.rank - a.rank || (b.held.risk.late_pct ?? 0) - (a.held.risk.late_pct ?? 0) || (a.order < b.order ? -1 : 1));
    const shown = all.slice(0, ORDERS_SHOWN);
    arrange($("orders"), shown.map((each) => this.row(each, now)));
    const names = new Set(shown.map((each) => each.order));
    for (const order of this.rows.keys()) if (!names.has(order)) this.rows.delete(order);
    $("tab-orders").title = dots(t("{0} open", all.length), act && t("▲ {0} need somebody", act), all.length > shown.length && t("the first {0} shown", shown.length));
    $("orders-empty").hidden = all.length > 0;
  }

  row({ order, held, person, late, cold, rank }, now) {
    if (!this.rows.has(order)) {
      const made = fromTemplate("order-row");
      made.row.firstElementChild.addEventListener("click", () => this.onOrder(order));
      this.rows.set(order, made);
    }
    const { row, parts } = this.rows.get(order);
    row.dataset.tone = toneOf(rank);
    setText(parts.order, order);
    setText(parts.state, dots(word(held.state) || "?", person.name));
    const share = held.risk.late_pct;
    setText(parts.risk, late[0] ? line(late[1], t(late[2]), Number.isFinite(share) ? `${share} %` : "") : t("✓ on time"));
    parts.risk.className = toneOf(late[0]);
    setText(parts.cold, cold[0] ? line(cold[1], t(cold[2])) : "");
    parts.cold.className = toneOf(cold[0]);
    const { slack_s: slack } = held.risk;
    const said = ageText(Math.abs(slack) * 1000);
    setText(parts.slack, Number.isFinite(slack) && late[0] ? (slack < 0 ? t("{0} late", said) : t("{0} to spare", said)) : "");
    const since = Date.parse(held.risk.t);
    setText(parts.since, late[0] && Number.isFinite(since) ? t("since {0}", ageText(now - since)) : "");
    return row;
  }
}
