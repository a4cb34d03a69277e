// A raised temperature is measured again after five minutes (domain.md, D05): a clock for each such
// person, and a reminder. What was typed stays in memory only, so a reload keeps no document.

import { element } from "./element.js";
import { painted } from "./plate.js";
import { say } from "./texts.js";

export const AFTER_MS = 300_000;
const FORGET_MS = 900_000; // readings further apart do not count together

export class Rechecks {
  constructor(panel, measure) {
    this.panel = panel;
    this.measure = measure; // (draft) => void, opens the form with what was typed
    this.items = [];
    panel.addEventListener("click", (event) => this.#clicked(event));
    setInterval(() => this.draw(), 1_000);
  }

  // Remember who has to be measured again, and forget who just was.
  add(decision, draft, now) {
    this.items = this.items.filter((item) => item.draft.recheckOf !== draft.recheckOf || !draft.recheckOf);
    const places = decision.reasons.filter((each) => each.kind === "recheck").map((each) => each.person);
    if (places.length) {
      this.items.push({ due: now + AFTER_MS, told: false, draft: { ...draft, recheckOf: draft.recheckOf ?? crypto.getRandomValues(new Uint32Array(1))[0] }, places });
    }
    this.draw(now);
  }

  draw(now = Date.now()) {
    this.items = this.items.filter((item) => now - item.due < FORGET_MS);
    this.panel.hidden = !this.items.length;
    // Drawn anew only where something changes: a reader must not hear the same line each second.
    const lines = this.items.map((item, at) => this.#line(item, at, now));
    const keys = lines.map((line) => `${line.textContent}${line.dataset.due}`).join();
    if (keys === this.keys) return;
    this.keys = keys;
    this.panel.replaceChildren(...lines);
  }

  #line(item, at, now) {
    const who = `${item.draft.plate ? painted(item.draft.plate) : say("onFoot")}, ${item.places.map((place) => say("person", { n: place })).join(", ")}`;
    const left = Math.ceil((item.due - now) / 1000);
    const due = left <= 0;
    if (due && !item.told) {
      item.told = true;
      navigator.vibrate?.([300, 150, 300]);
    }
    const text = due ? say("recheckDue", { who }) : say("recheckIn", { who, n: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` });
    return element(
      "div", { class: "recheck", "data-due": String(due), role: due ? "alert" : "timer" },
      element("span", {}, text), element("button", { type: "button", class: "quiet", "data-at": at }, say("recheckDo")),
    );
  }

  #clicked(event) {
    const at = event.target.closest("[data-at]")?.dataset.at;
    if (at === undefined) return;
    this.measure(this.items[at].draft);
  }
}
