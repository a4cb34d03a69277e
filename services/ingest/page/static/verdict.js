// The verdict as large as the screen: colour, shape and word, so that none of them is needed alone.

import { element } from "./element.js";
import { painted } from "./plate.js";
import { because, clock, dayAndClock, say } from "./texts.js";

const SHAPES = {
  pass: "M5 12.5l4.5 4.5L19 7.5",
  expedite: "M5 6l6 6-6 6M12 6l6 6-6 6",
  verify: "M9 8.8a3.2 3.2 0 1 1 4.6 2.9c-1 .5-1.6 1.2-1.6 2.3M12 17.6v.1",
  hold: "M5 12h14",
};

function shape(verdict) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[verdict] ?? SHAPES.verify);
  svg.append(path);
  return svg;
}

const badge = (verdict) => element("span", { class: "badge", "data-verdict": verdict }, shape(verdict), element("span", {}, say(verdict)));

// Draw one decision; `next` goes on to the next scan.
export function draw(panel, scan, decision, list, next) {
  panel.dataset.verdict = decision.verdict;
  const heading = element("h2", {}, shape(decision.verdict), element("span", {}, say(decision.verdict)));
  const facts = [];
  if (decision.offline) {
    facts.push(element("p", { class: "offline" }, element("strong", {}, say("offline")), ` ${list ? say("offlineVerdict", { n: dayAndClock(list.as_of) }) : say("noList")}`));
  }
  if (scan.data.plate) facts.push(element("p", { class: "seen" }, painted(scan.data.plate)));
  const whole = decision.reasons.filter((each) => !each.person);
  const reasons = (some) => some.length > 0 && element("ul", { class: "reasons" }, ...some.map((each) => element("li", {}, because(each))));
  const persons = decision.persons.map((verdict, at) =>
    element(
      "li", {}, element("div", { class: "person-verdict" }, element("span", {}, say("person", { n: at + 1 })), badge(verdict)),
      reasons(decision.reasons.filter((each) => each.person === at + 1)),
    ),
  );
  const time = decision.historical ? say("forThen", { n: dayAndClock(scan.time) }) : say("until", { n: clock(decision.expires) });
  const button = element("button", { type: "button", class: "next" }, say("next"));
  button.addEventListener("click", next);
  panel.replaceChildren(
    element("div", { class: "verdict-head", role: "alert" }, heading, ...facts),
    element(
      "div", { class: "verdict-body" }, reasons(whole),
      persons.length > 0 && element("ol", { class: "person-verdicts" }, ...persons),
      element("p", { class: "hint" }, `${time} · ${say(decision.stored ? "stored" : "notStored")}`),
    ),
    element("div", { class: "decide" }, button),
  );
  panel.focus();
}
