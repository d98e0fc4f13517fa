// The card: where, what, how many, which slot. Large, and the same with or without the box.

import { also, chosen, other, say } from "./words.js";

const $ = (id) => document.getElementById(id);

export function metres(dm) { return dm === null || dm === undefined ? "" : `${(dm / 10).toFixed(1)} m`; }

// The words of a view, as plain texts.
export function words(view) {
  const { line, state } = view;
  if (view.planning) return { do: say("planning"), bin: "…", qty: "", goods: "", put: "", second: also("planning") };
  const hint = view.hint;
  const told = hint ? { do: chosen(hint.zh, hint.en), second: other(hint.zh, hint.en) } : null;
  if (line && (state === "walk" || state === "pick")) {
    return {
      do: told?.do ?? say(state), second: told?.second ?? also(state),
      bin: line.bin, qty: `×${line.qty}`, goods: line.name || line.sku,
      put: say("put_to", line),
    };
  }
  const part = (mark, n) => (n ? ` · ${mark} ${n}` : "");
  const figures = `✓ ${view.picked ?? 0}${part("⇄", view.substituted)}${part(say("short"), view.short)}`;
  if (state === "return") return { do: told?.do ?? say("back"), second: told?.second ?? also("back"), bin: say("back"), qty: "", goods: figures, put: "" };
  if (state === "done") return { do: told?.do ?? view.list, second: told?.second ?? also("finished"), bin: say("finished"), qty: "", goods: figures, put: "" };
  return { do: told?.do ?? say("idle"), second: told?.second ?? also("idle"), bin: say("standby"), qty: "", goods: "", put: "" };
}

export function showCard(view, toGoDm) {
  const text = words(view);
  for (const key of ["do", "bin", "qty", "goods", "put", "second"]) $(key).textContent = text[key];
  $("bin").parentElement.classList.toggle("long", text.bin.length > 10);
  const { next } = view;
  $("next").textContent = next ? say("then", { bin: next.bin, name: next.name ?? "" })
    : view.waiting ? say("waiting_lists", { n: view.waiting }) : "";
  const total = view.total ?? 0;
  const togo = view.state === "walk" || view.state === "return" ? metres(toGoDm ?? view.to_go_dm) : "";
  $("progress").textContent = total ? `${(view.picked ?? 0) + (view.short ?? 0) + (view.substituted ?? 0)}/${total}${togo ? ` · ${togo}` : ""}` : "";
  $("card").className = `card ${view.planning ? "idle" : view.state} ${view.step ?? ""}`;
}

const MARKS = { open: "○", picked: "✓", short: "！", substituted: "⇄" };

export function showList(view) {
  const busy = view.state === "walk" || view.state === "pick";
  const list = $("list");
  list.replaceChildren(...(view.lines ?? []).map((line) => {
    const now = busy && view.line && line.line === view.line.line;
    const row = document.createElement("li");
    row.className = now ? "now" : line.status;
    const cell = (name, value) => {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = value;
      row.append(part);
    };
    cell("mark", now ? "▶" : MARKS[line.status] ?? "○");
    cell("where", line.bin);
    cell("name", line.name || line.sku);
    cell("slot", line.slot ? `▣${line.slot}` : "");
    cell("number", line.status === "short" ? `${line.found}/${line.qty}` : `×${line.qty}`);
    return row;
  }));
  const now = list.querySelector(".now");
  if (now) list.scrollTop = now.offsetTop - list.clientHeight / 3;
}

// The cart from above: one box a slot, the one to put into marked by colour, frame and an arrow.
export function showCart(view, onSlot) {
  const slots = view.slots ?? [];
  const to = (view.state === "pick" || view.state === "walk") && view.line ? view.line.slot : null;
  $("cart").hidden = slots.length === 0;
  $("cart").replaceChildren(...slots.map((slot) => {
    const box = document.createElement("button");
    const done = slot.total && slot.done >= slot.total;
    box.className = `slot${slot.slot === to ? " to" : ""}${done ? " full" : ""}`;
    box.setAttribute("aria-label", say("slot", { n: slot.slot }));
    const part = (tag, text) => {
      const each = document.createElement(tag);
      each.textContent = text;
      box.append(each);
    };
    part("b", slot.slot === to ? `▼ ${slot.slot}` : String(slot.slot));
    part("span", slot.order);
    part("small", `${done ? "✓ " : ""}${slot.done}/${slot.total}`);
    box.onclick = () => onSlot(slot.slot);
    return box;
  }));
}
