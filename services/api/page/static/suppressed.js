// What kept events from being alerts in the last 24 hours, and why. Loaded when somebody opens it.

import * as api from "./api.js";
import { element } from "./card.js";
import { current, instant, locale, name, say } from "./texts.js";

const RENEW_MS = 30_000;

export class Suppressed {
  constructor(parts, ended) {
    this.parts = parts; // {panel, sum, table}
    this.ended = ended; // called when the session is over
    this.answer = null;
    this.failed = false;
    this.asked = 0;
    parts.panel.addEventListener("toggle", () => this.load());
    setInterval(() => this.load(), RENEW_MS);
  }

  async load() {
    if (!this.parts.panel.open || this.parts.panel.closest("[hidden]")) return;
    const asked = ++this.asked;
    try {
      const answer = await api.suppressions();
      if (asked !== this.asked) return;
      this.answer = answer;
      this.failed = false;
    } catch (error) {
      if (asked !== this.asked) return;
      if (error.status === 401) return this.ended();
      this.failed = true;
    }
    this.draw();
  }

  clear() {
    this.asked += 1;
    this.answer = null;
    this.failed = false;
    this.parts.panel.open = false;
    this.draw();
  }

  draw() {
    const { sum, table } = this.parts;
    const items = this.answer?.items ?? [];
    sum.textContent = this.#sum();
    table.hidden = items.length === 0;
    table.tBodies[0].replaceChildren(...items.map(row));
  }

  #sum() {
    if (this.failed) return say("suppressedFailed");
    if (!this.answer) return "";
    const { count, items } = this.answer.totals;
    if (!count) return say("suppressedNone");
    const rest = items - this.answer.items.length;
    const said = say("suppressedSum", count.toLocaleString(locale()));
    return rest > 0 ? `${said} ${say("suppressedRest", rest)}` : said;
  }
}

function row(item) {
  const at = element("time", { datetime: item.last_seen, title: item.last_seen });
  at.textContent = instant(item.last_seen);
  const texts = [item.count.toLocaleString(locale()), item.reason[current()] ?? item.reason.en, name("rule", item.rule), item.site ?? ""];
  const cells = texts.map((text) => {
    const cell = element("td");
    cell.textContent = text;
    return cell;
  });
  cells[1].title = `${item.by} · ${item.example.source} ${item.example.id}`;
  return element("tr", {}, ...cells, element("td", {}, at));
}
