// The alerts on the page: merged by id and revision, filtered, sorted, drawn a few times a second.

import { card, element, spoken } from "./card.js";
import { ago, name, SEVERITIES, say } from "./texts.js";

const GROUPS = {
  active: ["open", "acked", "dispatched"], open: ["open"], taken: ["acked", "dispatched"],
  closed: ["resolved", "retracted"], all: null,
};
// More than this is no list to look at; what ended longest ago leaves first.
const MOST = 2000;
const DRAW_MS = 200;
// Nothing moves under a pointer that is about to press: the order waits until it rests or leaves.
const REST_MS = 1_200;
const PATIENCE_MS = 5_000;

export class Board {
  constructor(parts, act, find) {
    this.parts = parts; // {list, severities, states, empty, announce}
    this.act = act; // (item, "ack" | "dispatch") => void
    this.find = find; // (id) => void, loads the alerts that a summary stands for
    this.may = false;
    this.items = new Map();
    this.group = "active";
    this.hidden = new Set(); // severities that are switched off
    this.drawn = new Map(); // id → {node, key}
    this.shown = new Set(); // summaries whose alerts are shown beside them
    this.focused = null;
    this.entry = null; // the card that Tab enters the list at
    this.timer = 0;
    this.last = 0;
    this.held = { since: 0, until: 0 };
    this.epoch = 0; // changes when all cards are to be drawn anew
    this.#controls();
    parts.list.addEventListener("click", (event) => this.#clicked(event));
    parts.list.addEventListener("focusin", (event) => {
      this.focused = event.target.closest?.(".alert")?.dataset.id ?? this.focused;
    });
    parts.list.addEventListener("pointermove", () => this.#hold());
    parts.list.addEventListener("pointerleave", () => {
      this.held = { since: 0, until: 0 };
      this.draw();
    });
    setInterval(() => this.#age(), 10_000);
  }

  // Take in a revision; an older one than is known changes nothing. Returns whether it is new here.
  merge(alert, actor) {
    const known = this.items.get(alert.id);
    if (known && known.alert.revision >= alert.revision) return false;
    this.items.set(alert.id, { ...known, alert, actor: actor ?? known?.actor, notice: null, version: (known?.version ?? 0) + 1 });
    if (this.items.size > MOST) this.#drop();
    this.draw();
    return !known;
  }

  change(id, fields) {
    const known = this.items.get(id);
    if (!known) return;
    this.items.set(id, { ...known, ...fields, version: known.version + 1 });
    this.draw();
  }

  clear() {
    this.items.clear();
    this.shown.clear();
    this.draw();
  }

  announce(alert) {
    if (alert.severity === "critical" || alert.severity === "high") this.parts.announce.textContent = spoken(alert);
  }

  // All words anew: the language or the person has changed.
  redraw() {
    this.epoch += 1;
    this.#controls();
    this.draw();
  }

  // A timer and no animation frame: the title counts in a hidden tab too.
  draw(wait = DRAW_MS - (Date.now() - this.last)) {
    if (!this.timer) this.timer = setTimeout(() => this.#draw(), Math.max(0, wait));
  }

  move(step) {
    const nodes = [...this.parts.list.children];
    if (!nodes.length) return;
    const at = nodes.findIndex((node) => node.dataset.id === this.focused);
    const inside = this.parts.list.contains(document.activeElement);
    const next = at < 0 || !inside ? Math.max(at, 0) : Math.min(Math.max(at + step, 0), nodes.length - 1);
    nodes[next].focus({ preventScroll: true });
    nodes[next].scrollIntoView({ block: "nearest" });
  }

  acknowledgeFocused() {
    const item = this.#focusedItem();
    if (item && this.may && item.alert.state === "open" && !item.pending) this.act(item, "ack");
  }

  toggleEvidence() {
    const item = this.#focusedItem();
    if (item) this.change(item.alert.id, { opened: !item.opened });
  }

  #focusedItem() {
    const node = document.activeElement?.closest?.(".alert");
    return node ? this.items.get(node.dataset.id) : undefined;
  }

  #controls() {
    const { severities, states } = this.parts;
    const kept = document.activeElement?.dataset?.filter;
    severities.replaceChildren(
      ...SEVERITIES.map((severity) => {
        const number = element("span", { class: "number" });
        number.textContent = "0";
        const word = element("span", { class: "word" });
        word.textContent = name("severity", severity);
        return element("button", {
          type: "button", class: "counter", "data-filter": severity, "data-severity": severity,
          "aria-pressed": String(!this.hidden.has(severity)),
        }, number, word);
      }),
    );
    states.replaceChildren(
      ...Object.keys(GROUPS).map((group) => {
        const button = element("button", { type: "button", "data-filter": group, "aria-pressed": String(group === this.group) });
        button.textContent = name("group", group);
        return button;
      }),
    );
    severities.onclick = (event) => this.#filter(event, (severity) => {
      if (!this.hidden.delete(severity)) this.hidden.add(severity);
    });
    states.onclick = (event) => this.#filter(event, (group) => {
      this.group = group;
    });
    if (kept) document.querySelector(`[data-filter="${kept}"]`)?.focus();
  }

  #filter(event, apply) {
    const value = event.target.closest("button")?.dataset.filter;
    if (!value) return;
    apply(value);
    this.#controls();
    this.draw();
  }

  #clicked(event) {
    const node = event.target.closest(".alert");
    const item = node && this.items.get(node.dataset.id);
    if (!item) return;
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "ack" || act === "dispatch") this.act(item, act);
    else if (act === "evidence") this.change(item.alert.id, { opened: !item.opened });
    else if (act === "capped") this.#toggleCapped(item.alert.id);
    else if (!getSelection().toString()) node.focus({ preventScroll: true });
  }

  #toggleCapped(id) {
    const showing = !this.shown.delete(id);
    if (showing) {
      this.shown.add(id);
      this.find(id);
    }
    this.change(id, { showing });
  }

  #hold() {
    const now = Date.now();
    const since = now < this.held.until ? this.held.since : now;
    this.held = { since, until: Math.min(now + REST_MS, since + PATIENCE_MS) };
  }

  #drop() {
    const oldest = [...this.items.values()].sort(
      (a, b) => closed(b) - closed(a) || (a.alert.last_seen < b.alert.last_seen ? -1 : 1),
    );
    for (const item of oldest.slice(0, MOST / 10)) this.items.delete(item.alert.id);
  }

  #age() {
    for (const node of this.parts.list.querySelectorAll(".age")) node.textContent = ago(node.dataset.at);
  }

  #draw() {
    this.timer = 0;
    this.last = Date.now();
    const states = GROUPS[this.group];
    const inGroup = [...this.items.values()].filter((item) => (!states || states.includes(item.alert.state)) && !this.#behind(item));
    const shown = inGroup.filter((item) => !this.hidden.has(item.alert.severity)).sort(inOrder);
    this.#count(inGroup);
    const focus = this.#focus();
    this.#renew();
    if (this.last < this.held.until) this.draw(this.held.until - this.last);
    else this.#place(shown);
    this.#refocus(focus);
    this.parts.empty.hidden = this.drawn.size > 0;
    this.parts.empty.textContent = say(this.items.size ? "nothingFiltered" : "nothing");
  }

  // Whether a summary stands for the alert: as long as it is open, and nobody asked to see them all.
  #behind({ alert }) {
    const summary = alert.capped_by && this.items.get(alert.capped_by)?.alert;
    return Boolean(summary) && !["resolved", "retracted"].includes(summary.state) && !this.shown.has(summary.id);
  }

  #count(items) {
    for (const button of this.parts.severities.children) {
      const number = items.filter((item) => item.alert.severity === button.dataset.severity).length;
      button.firstChild.textContent = String(number);
      button.toggleAttribute("data-some", number > 0);
    }
    const critical = [...this.items.values()].filter((item) => item.alert.severity === "critical" && item.alert.state === "open").length;
    document.title = critical ? `(${critical}) Cordon` : "Cordon";
  }

  // Draw again, in their places, the cards whose alerts have changed.
  #renew() {
    for (const [id, drawn] of this.drawn) {
      const item = this.items.get(id);
      if (item && drawn.key !== this.#key(item)) {
        const next = this.#make(item);
        drawn.node.replaceWith(next.node);
        this.drawn.set(id, next);
      }
    }
  }

  // Put the cards in order, without touching those that are in their places.
  #place(shown) {
    const { list } = this.parts;
    const wanted = new Set(shown.map((item) => item.alert.id));
    for (const [id, drawn] of this.drawn) {
      if (!wanted.has(id)) {
        drawn.node.remove();
        this.drawn.delete(id);
      }
    }
    let next = list.firstElementChild;
    for (const item of shown) {
      let drawn = this.drawn.get(item.alert.id);
      if (!drawn) {
        drawn = this.#make(item);
        this.drawn.set(item.alert.id, drawn);
      }
      if (next === drawn.node) next = next.nextElementSibling;
      else list.insertBefore(drawn.node, next);
    }
  }

  #key(item) {
    return `${item.version}/${this.epoch}`;
  }

  #make(item) {
    const node = card(item, this.may);
    if (item.fresh) node.classList.add("fresh");
    item.fresh = false;
    return { node, key: this.#key(item) };
  }

  // A card that is replaced or moved loses the focus: remember it, and give it back.
  #focus() {
    const active = document.activeElement;
    const node = this.parts.list.contains(active) ? active.closest(".alert") : null;
    return node && { active, id: node.dataset.id, act: active.dataset.act };
  }

  #refocus(focus) {
    if (focus && document.activeElement !== focus.active) {
      const node = this.drawn.get(focus.id)?.node ?? this.parts.list.firstElementChild;
      const part = focus.act && node?.querySelector(`[data-act=${focus.act}]`);
      (part || node)?.focus({ preventScroll: true });
    }
    const entry = this.drawn.get(this.focused)?.node ?? this.parts.list.firstElementChild;
    if (entry !== this.entry) {
      if (this.entry) this.entry.tabIndex = -1;
      this.entry = entry;
    }
    if (entry) entry.tabIndex = 0;
  }
}

const closed = (item) => (GROUPS.closed.includes(item.alert.state) ? 1 : 0);

function inOrder(a, b) {
  const rank = SEVERITIES.indexOf(a.alert.severity) - SEVERITIES.indexOf(b.alert.severity);
  if (rank) return rank;
  if (a.alert.last_seen !== b.alert.last_seen) return a.alert.last_seen < b.alert.last_seen ? 1 : -1;
  return a.alert.id < b.alert.id ? -1 : 1;
}
