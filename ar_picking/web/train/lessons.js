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
const put = (part, text) => { if (part.textContent !== text) part.textContent = text; };
const name = (part, pair) => {
  const [first, small] = part.childNodes;
  if (first.data !== chosen(...pair)) first.data = chosen(...pair);
  put(small, other(...pair));
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

const SURE_MS = 3000;

// The line above the card: what is in the hand, the time, mistakes, the hint of the exam, and the way out. Its parts
// are made once and only their words change: a finger is on a button for longer than a tick.
export class Coach {
  constructor(send) {
    this.send = send;
    this.box = make("div", "coach");
    this.box.id = "coach";
    this.box.hidden = true;
    this.hand = make("b");
    this.time = make("span");
    this.wrong = make("span");
    this.said = make("em");
    this.hint = button(["提示", "Hint"], () => send({ type: "hint" }));
    this.hint.id = "hint";
    this.leave = button(["离开", "Leave"], () => this.out());
    this.leave.id = "leave";
    this.asked = null;
    this.box.append(this.hand, this.time, this.wrong, this.said, this.hint, this.leave);
    document.getElementById("card").before(this.box);
  }

  show(told) {
    this.box.hidden = told.lesson === null || told.sheet !== null;
    if (this.box.hidden || this.asked === null) this.stay();
    if (this.box.hidden) return;
    const hand = told.hand ? `${told.hand.name} ×${told.hand.pieces}` : chosen("空", "nothing");
    put(this.hand, chosen("手里：", "In hand: ") + hand);
    put(this.time, chosen(`${told.time_s} 秒`, `${told.time_s} s`));
    put(this.wrong, chosen(`差错 ${told.errors}`, `mistakes ${told.errors}`));
    this.wrong.className = told.errors ? "bad" : "";
    put(this.said, told.said ? chosen(told.said[1], told.said[2]) : "");
    this.hint.hidden = !told.can_hint;
    name(this.hint, [`提示 (${told.hints})`, `Hint (${told.hints})`]);
  }

  // a lesson that was left has no points: one touch by mistake does not end it
  out() {
    if (this.asked !== null) { this.stay(); this.send({ type: "leave" }); return; }
    name(this.leave, ["再按一次离开", "Once more to leave"]);
    this.leave.classList.add("sure");
    this.asked = setTimeout(() => this.stay(), SURE_MS);
  }

  stay() {
    clearTimeout(this.asked);
    this.asked = null;
    name(this.leave, ["离开", "Leave"]);
    this.leave.classList.remove("sure");
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

  open({ lesson, title, sheet, kept }) {
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
    this.dialog.replaceChildren(head, table, advice, ...this.lost(kept), two);
    if (!this.dialog.open) this.dialog.showModal();
  }

  lost(kept) {
    return kept === false ? [both("p", "failed", ["成绩没有写入文件", "The sheet could not be written to its file"])] : [];
  }

  why(key, f) {
    if (key === "time") return chosen(`${f.time_s} 秒，熟手约 ${f.par_s} 秒`, `${f.time_s} s; practised: about ${f.par_s} s`);
    if (key === "walk") return chosen(`${f.walked_m} 米，最短 ${f.shortest_m} 米`, `${f.walked_m} m; shortest ${f.shortest_m} m`);
    if (key === "hints") return String(f.hints);
    const told = Object.entries(f.errors).map(([kind, n]) => `${chosen(...ERRORS[kind])} ${n}`);
    return told.length ? told.join(" · ") : chosen("没有差错", "none");
  }
}
