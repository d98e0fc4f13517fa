// The line at the bottom: what the gateway has counted since it started.

import { $, made, setText } from "./rows.js";
import { ageText } from "./time.js";
import { t } from "./words.js";

const number = new Intl.NumberFormat("en-GB");

const CELLS = [
  ["records", "committed", "records accepted from boards since the gateway started", (f) => [number.format(f.records ?? 0)]],
  ["backlog", "waiting", "feed messages that a sink has not acknowledged yet", (f) => [number.format(f.backlog_rows ?? 0)]],
  ["repeated", "repeats removed", "records that boards sent again and that were removed", (f) => [number.format(f.records_repeated ?? 0)]],
  ["gaps", "gaps / lost", "jumps in the boards' logs, and how many records they lost", (f) => [`${number.format(f.gaps ?? 0)} / ${number.format(f.records_lost ?? 0)}`, f.gaps]],
  ["unread", "unreadable", "records or frames that could not be read; kept as they came", (f) => {
    const unread = (f.records_unreadable ?? 0) + (f.frames_malformed ?? 0);
    return [number.format(unread), unread];
  }],
  ["uptime", "gateway up", "how long the gateway has been running: the counters begin there", (f, ageMs) => [ageText(f.uptime_s * 1000 + ageMs)]],
];

export function showFigures(figures, ageMs) {
  const parent = $("figures");
  CELLS.forEach(([name, label, title, read], i) => {
    const cell = parent.children[i] ?? parent.appendChild(made("span"));
    if (!cell.firstChild) {
      cell.append(document.createTextNode(""), made("b"));
      cell.lastChild.dataset.figure = name;
    }
    const [value, warns] = read(figures, ageMs);
    cell.title = t(title);
    cell.className = warns ? "warn" : "";
    if (cell.firstChild.data !== t(label)) cell.firstChild.data = t(label);
    setText(cell.lastChild, value);
  });
}
