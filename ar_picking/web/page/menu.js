// The settings: of this tablet (voice, type, language) and of the work (four confirmations, manual mode).

import { also, say, set, setting, switchLanguage } from "./words.js";

const CONFIRMS = ["bin", "item", "qty", "put"];

export class Menu {
  // on: {send(event), sound(on), words()}: words are other ones now
  constructor(dialog, on) {
    this.dialog = dialog;
    this.on = on;
    this.view = null;
    document.body.classList.toggle("large", setting("large", false));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  open() {
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  show(view) {
    this.view = view;
    if (this.dialog.open) this.draw();
  }

  draw() {
    const { view } = this;
    const rows = [
      this.row("sound", setting("sound", true), (on) => { set("sound", on); this.on.sound(on); }),
      this.row("large", setting("large", false), (on) => { set("large", on); document.body.classList.toggle("large", on); }),
    ];
    for (const name of CONFIRMS) {
      const on = view?.confirm?.[name];
      if (typeof on !== "boolean") continue;
      rows.push(this.row(`confirm_${name}`, on, (now) => this.on.send({ type: "confirm", ...view.confirm, [name]: now })));
    }
    if (view) rows.push(this.row("manual_on", view.manual === true, (on) => this.on.send({ type: "manual", on })));
    const language = this.button(say("language"), () => { switchLanguage(); this.on.words(); this.draw(); });
    const close = this.button(say("close"), () => this.dialog.close());
    close.className = "main";
    const title = document.createElement("h2");
    title.textContent = say("menu");
    this.dialog.replaceChildren(title, ...rows, language, close);
  }

  button(text, then) {
    const button = document.createElement("button");
    button.textContent = text;
    button.onclick = () => { button.blur(); then(); };
    return button;
  }

  // A switch: a word and a shape, not colour alone.
  row(key, on, then) {
    const button = this.button("", () => { then(!on); this.draw(); }); // of the guide's it changes with its answer
    button.className = `switch${on ? " on" : ""}`;
    button.setAttribute("role", "switch");
    button.setAttribute("aria-checked", String(on));
    button.dataset.setting = key;
    const name = document.createElement("span");
    name.textContent = say(key);
    const small = document.createElement("small");
    small.textContent = also(key);
    const knob = document.createElement("i");
    knob.textContent = on ? "✓" : "○";
    button.append(knob, name, small);
    return button;
  }
}
