// Which lesson, how it goes, and the score sheet at its end. Chinese first, English beside it.
import { chosen, other } from "./words.js";

const make = (tag, name, text) => {
  const part = document.createElement(tag);
  if (name) part.className = name;
  if (text !== undefined) part.textContent = text;
  return part;
};
const both = (tag, name, pair) => {
  const part = make(tag, name, chosen(...pair));
  part.append(make("small", "", other(...pair)));
  return part;
};
const button = (pair, act, main = false) => {
  const part = both("button", main ? "main" : "", pair);
  part.onclick = act;
  return part;
};

export class Lessons {
  constructor(send) {
    this.send = send;
    this.list = [];
    this.dialog = make("dialog", "lessons");
    this.dialog.addEventListener("cancel", (event) => { if (!this.running) event.preventDefault(); });
    this.running = false;
    this.best = {};
    document.body.append(this.dialog);
  }

  async load() {
    this.list = (await (await fetch("store.json")).json()).lessons ?? [];
    if (!this.running) this.open();
  }

  at(told) {
    this.running = told.lesson !== null;
    this.best = told.best ?? {};
    if (this.running && this.dialog.open && !this.dialog.dataset.asked) this.dialog.close();
  }

  open(asked = false) {
    if (asked) this.dialog.dataset.asked = "1"; else delete this.dialog.dataset.asked;
    const head = both("h2", "", ["选一课练习", "Choose a lesson"]);
    const rows = this.list.map((lesson, i) => {
      const row = button([`${i + 1}  ${lesson.title[0]}`, `${i + 1}  ${lesson.title[1]}`], () => {
        this.send({ type: "begin", lesson: lesson.key });
        this.dialog.close();
      });
      row.className = "lesson";
      row.append(make("span", "goal", chosen(...lesson.goal)));
      const best = this.best[lesson.key];
      row.append(make("span", "best", best === undefined ? "" : chosen(`${best} 分`, `${best} points`)));
      return row;
    });
    this.dialog.replaceChildren(head, ...rows);
    if (!this.dialog.open) this.dialog.showModal();
  }
}

// The line above the card: what is in the hand, the time, mistakes, and the hint of the exam.
export function drawCoach(told, send) {
  let box = document.getElementById("coach");
  if (!box) {
    box = make("div", "coach");
    box.id = "coach";
    document.getElementById("card").before(box);
  }
  box.hidden = told.lesson === null;
  if (box.hidden) return;
  const hand = chosen("手里：", "In hand: ") + (told.hand ? `${told.hand.name} ×${told.hand.pieces}` : chosen("空", "nothing"));
  const time = chosen(`${told.time_s} 秒`, `${told.time_s} s`);
  const wrong = chosen(`差错 ${told.errors}`, `mistakes ${told.errors}`);
  box.replaceChildren(make("b", "", hand), make("span", "", time), make("span", told.errors ? "bad" : "", wrong));
  const said = make("em", "", told.said ? chosen(told.said[1], told.said[2]) : "");
  box.append(said);
  if (told.can_hint) {
    const hint = button([`提示 (${told.hints})`, `Hint (${told.hints})`], () => send({ type: "hint" }));
    hint.id = "hint";
    box.append(hint);
  }
}

const PARTS = { time: ["时间", "Time"], walk: ["行走", "Walk"], errors: ["差错", "Mistakes"], hints: ["提示", "Hints"] };
const ERRORS = {
  wrong_bin: ["货位错", "wrong bin"], wrong_item: ["商品错", "wrong article"], wrong_count: ["数量错", "wrong count"],
  wrong_slot: ["格位错", "wrong slot"], false_short: ["误报缺货", "reported missing, but there"], missed_short: ["漏报缺货", "missing, not reported"],
};

export class Sheet {
  constructor(send, more) {
    this.send = send;
    this.more = more;
    this.dialog = make("dialog", "sheet");
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(this.dialog);
  }

  close() { if (this.dialog.open) this.dialog.close(); }

  open({ lesson, title, sheet }) {
    const { figures } = sheet;
    const head = make("h2", sheet.passed ? "passed" : "failed", `${sheet.passed ? "✓" : "↻"} ${chosen(...title)} · ${sheet.points}`);
    head.append(make("small", "", sheet.passed ? chosen("通过", "passed") : chosen("再练一次", "once more")));
    const table = make("table");
    for (const [key, name] of Object.entries(PARTS)) {
      const row = make("tr");
      row.append(make("th", "", chosen(...name)), make("td", "points", `${sheet.parts[key]} / ${sheet.of[key]}`), make("td", "", this.why(key, figures)));
      table.append(row);
    }
    const advice = make("ul");
    for (const pair of sheet.advice) advice.append(both("li", "", pair));
    const two = make("div", "two");
    two.append(
      button(["再练一次", "Again"], () => { this.close(); this.send({ type: "begin", lesson }); }, !sheet.passed),
      button(["选其他课", "Other lessons"], () => { this.close(); this.send({ type: "leave" }); this.more(); }, sheet.passed),
    );
    this.dialog.replaceChildren(head, table, advice, two);
    if (!this.dialog.open) this.dialog.showModal();
  }

  why(key, f) {
    if (key === "time") return chosen(`${f.time_s} 秒，熟手约 ${f.par_s} 秒`, `${f.time_s} s; practised: about ${f.par_s} s`);
    if (key === "walk") return chosen(`${f.walked_m} 米，最短 ${f.shortest_m} 米`, `${f.walked_m} m; shortest ${f.shortest_m} m`);
    if (key === "hints") return String(f.hints);
    const told = Object.entries(f.errors).map(([kind, n]) => `${chosen(...ERRORS[kind])} ${n}`);
    return told.length ? told.join(" · ") : chosen("没有差错", "none");
  }
}
