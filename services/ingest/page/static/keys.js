// The keyboard of plates under its field. The field takes a real keyboard just as well.

import { element } from "./element.js";
import { keysAfter, LONGEST, normalise, painted, SUFFIXES } from "./plate.js";
import { say } from "./texts.js";

const COLUMNS = 8;

export class PlateField {
  constructor(input, panel, hint) {
    this.input = input;
    this.panel = panel;
    this.hint = hint;
    this.system = false; // the system's own keyboard, for plates of rare forms
    input.addEventListener("input", () => this.draw());
    input.addEventListener("focus", () => this.fold(false));
    input.addEventListener("click", () => this.fold(false));
    panel.addEventListener("click", (event) => this.#pressed(event));
    this.draw();
  }

  get value() {
    return this.input.value.replaceAll("·", "").trim();
  }

  set value(plate) {
    this.input.value = plate ? painted(plate) : "";
    this.draw();
  }

  // Put the keys away while the persons are typed, for whom they leave no room.
  fold(away) {
    this.panel.hidden = away;
  }

  draw() {
    const typed = this.value;
    const plate = typed ? normalise(typed) : null;
    this.hint.textContent = plate ? say("plateFits") : typed ? say("plateWrong") : "";
    this.hint.dataset.good = String(Boolean(plate));
    this.input.setAttribute("inputmode", this.system ? "text" : "none");
    const focused = document.activeElement?.dataset?.key;
    const keys = keysAfter(typed);
    const draw = ([key, can]) => element("button", { type: "button", "data-key": key, disabled: !can }, key);
    const [usual, suffixes] = [keys.filter(([key]) => !SUFFIXES.includes(key)), keys.filter(([key]) => SUFFIXES.includes(key))];
    // The two wide keys fill the row that the usual ones leave open.
    this.panel.dataset.open = String(COLUMNS - (usual.length % COLUMNS));
    this.panel.replaceChildren(
      ...usual.map(draw),
      element("button", { type: "button", "data-act": "system", "aria-pressed": String(this.system) }, say("otherKeys")),
      element("button", { type: "button", class: "back", "data-act": "back", "aria-label": say("back"), disabled: !typed }, "⌫"),
      ...suffixes.map(draw),
    );
    // Who types by Tab and Enter stays in the keys when they are drawn anew.
    if (focused) (this.panel.querySelector(`[data-key="${focused}"]:enabled`) ?? this.panel.querySelector("button:enabled"))?.focus();
  }

  #pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const typed = [...this.value];
    if (button.dataset.act === "system") {
      this.system = !this.system;
      this.draw();
      if (this.system) this.input.focus();
      return;
    }
    if (button.dataset.act === "back") typed.pop();
    else if (typed.length < LONGEST) typed.push(button.dataset.key);
    this.value = typed.join("");
  }
}
