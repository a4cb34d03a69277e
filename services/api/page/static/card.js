// One alert as an element. Whatever an alert says reaches the page as text and never as markup:
// plates, notes and names come from the street.

import { ago, current, instant, name, say } from "./texts.js";

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

const span = (className, content, attributes = {}) => {
  const made = element("span", { class: className, ...attributes });
  made.textContent = content;
  return made;
};

function subject(alert) {
  const label = alert.subject?.label ?? "";
  // The mask of a person is a word and a few digits; the word follows the language.
  return alert.subject?.kind === "person" ? label.replace(/^person /, `${say("person")} `) : label;
}

export const spoken = (alert) => {
  const text = say("announced", { severity: name("severity", alert.severity), rule: name("rule", alert.rule), subject: subject(alert) });
  return alert.escalation ? `${say("overdue", alert.escalation)}. ${text}` : text;
};

// What people can do with an alert in a state, and the words for it: to offer it, and while it is done.
const DEEDS = { open: "ack", acked: "dispatch" };
const OFFERS = { ack: "acknowledge", dispatch: "dispatch" };
const WORKING = { ack: "working", dispatch: "dispatching" };

function moment(label, at) {
  const time = element("time", { datetime: at, title: at });
  time.textContent = instant(at);
  return element("span", { class: "fact" }, span("key", label), time);
}

function fact(label, value, title) {
  return value ? element("span", { class: "fact", title }, span("key", label), span("value", value)) : null;
}

// What the alert rests on: its class and number in the line of facts, the events below on demand.
function evidenceFact(item) {
  const { alert, opened } = item;
  const button = element("button", { type: "button", class: "fold", "data-act": "evidence", "aria-expanded": String(Boolean(opened)) });
  button.textContent = `${name("evidence", alert.evidence_class)} · ${alert.evidence.length}`;
  return element("span", { class: "fact" }, span("key", say("evidence")), button);
}

function evidenceList(alert) {
  const list = element("ul", { class: "evidence" });
  for (const one of alert.evidence) {
    const at = element("time", { datetime: one.time, title: one.time });
    at.textContent = instant(one.time);
    list.append(
      element("li", {}, at, span("", name("type", one.type)), span("site", one.site ?? ""), span("id", `${one.source} ${one.id}`)),
    );
  }
  return list;
}

function state(alert) {
  const outcome = alert.outcome ? ` · ${name("outcome", alert.outcome)}` : "";
  return span(`state state-${alert.state}`, name("state", alert.state) + outcome);
}

// `item` is {alert, pending, resting, notice, actor, opened}; `may` says whether this person may act.
export function card(item, may) {
  const { alert } = item;
  const made = element("li", {
    class: "alert", "data-id": alert.id, "data-severity": alert.severity, "data-state": alert.state, tabindex: "-1",
    "aria-label": spoken(alert),
  });
  const reason = element("p", { class: "reason" });
  reason.textContent = alert.reason?.[current()] ?? alert.reason?.en ?? "";
  const title = element("h2", { class: "rule" });
  title.textContent = name("rule", alert.rule);

  const age = span("age", ago(alert.last_seen));
  age.dataset.at = alert.last_seen;
  const head = element("div", { class: "head" }, title, span("subject", subject(alert)),
    alert.count > 1 && span("count", say("count", alert.count), { title: say("countLong", alert.count) }),
    alert.escalation && span("overdue", say("overdue", alert.escalation), { title: say(alert.state === "open" ? "overdueOpen" : "overdueAcked") }),
    alert.historical && span("mark", say("historical"), { title: say("historicalLong") }));
  const facts = element("div", { class: "facts" },
    fact(say("site"), alert.site), fact(say("order"), alert.order), fact(say("grid"), alert.grid),
    alert.first_seen !== alert.last_seen && moment(say("firstSeen"), alert.first_seen),
    moment(say(alert.first_seen === alert.last_seen ? "seen" : "lastSeen"), alert.last_seen),
    evidenceFact(item), fact(say("assignee"), alert.assignee), fact(say("note"), alert.note));
  const side = element("div", { class: "side" }, state(alert), age);
  if (may && DEEDS[alert.state]) {
    const deed = DEEDS[alert.state];
    const button = element("button", { type: "button", class: "ack", "data-act": deed, disabled: Boolean(item.pending || item.resting) });
    button.textContent = say(item.pending ? WORKING[item.pending] : OFFERS[deed]);
    side.append(button);
  }
  if (alert.subject?.kind === "group") {
    const button = element("button", { type: "button", class: "fold", "data-act": "capped", "aria-expanded": String(Boolean(item.showing)) });
    button.textContent = say(item.showing ? "cappedHide" : "cappedShow", alert.count);
    facts.append(element("span", { class: "fact" }, button));
  }
  const body = element("div", { class: "body" }, head, reason, facts, item.opened && evidenceList(alert));
  if (item.notice) {
    const notice = element("p", { class: "notice", role: "alert" });
    notice.textContent = say(item.notice.key, item.notice.detail);
    body.append(notice);
  }
  made.append(span("severity", name("severity", alert.severity)), body, side);
  return made;
}
