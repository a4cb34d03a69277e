// Up to eight persons of a scan, each as a card.

import { canScan, scanOnce } from "./camera.js";
import { choice, element } from "./element.js";
import { ID_TYPES } from "./forms.js";
import { problem } from "./identity.js";
import { say } from "./texts.js";

export const MOST = 8;
const DAY_MS = 86_400_000;
const COLOURS = ["none", "green", "yellow", "red"];
const VERIFIED = ["document", "officer", "code", "video", "none"];

const today = () => {
  const now = new Date();
  return `${now.getFullYear()}${String(now.getMonth() + 1).padStart(2, "0")}${String(now.getDate()).padStart(2, "0")}`;
};

export const blank = (issuer) => ({
  id_type: "resident_id", id_number: "", verified_by: "document", colour: "none", issuer, temperature: "", hasPass: false, pass: "", refusal: false,
});

// What is posted of a person. The officer sees a code's colour and not its dates: it is taken as
// issued when it was shown, and good for a day.
export function posted(draft, now) {
  const number = draft.id_number.trim();
  const temperature = Number.parseFloat(draft.temperature.replace(",", "."));
  return {
    ...(number && { id_type: draft.id_type, id_number: number }),
    verified_by: draft.verified_by,
    ...(Number.isFinite(temperature) && { temperature: Math.min(Math.max(temperature, 20), 50) }),
    ...(draft.colour !== "none" && {
      code: { issuer: draft.issuer.trim(), colour: draft.colour, issued_at: new Date(now).toISOString(), expires_at: new Date(now + DAY_MS).toISOString() },
    }),
    ...(draft.hasPass && { pass: draft.pass.trim() || "paper" }),
    ...(draft.refusal && { refusal: true }),
  };
}

let last = 0;

function field(label, input, ...more) {
  last += 1;
  input.id = `field-${last}`;
  return element("div", { class: "field" }, element("label", { for: input.id }, label), input, ...more);
}

function bound(draft, name, attributes) {
  const input = element("input", { autocomplete: "off", spellcheck: "false", ...attributes });
  input.value = draft[name];
  input.addEventListener("input", () => {
    draft[name] = input.value;
  });
  return input;
}

function ticked(draft, name, label, changed) {
  const box = element("input", { type: "checkbox" });
  box.checked = draft[name];
  box.addEventListener("change", () => {
    draft[name] = box.checked;
    changed?.();
  });
  return element("label", { class: "tick" }, box, element("span", {}, label));
}

// One card; `remove` takes the person off the list.
export function card(draft, place, remove) {
  const type = element("select", { class: "id-type" }, ...ID_TYPES.map((each) => element("option", { value: each, selected: each === draft.id_type }, say(each))));
  const number = bound(draft, "id_number", { class: "id-number", maxlength: 64, autocapitalize: "characters" });
  const hint = element("p", { class: "hint", role: "status" });
  const check = () => {
    const wrong = draft.id_number.trim() ? problem(draft.id_type, draft.id_number, today()) : undefined;
    // While a number is being typed its length is no mistake yet.
    const waiting = wrong === "idForm" && document.activeElement === number;
    hint.textContent = wrong === undefined || waiting ? "" : say(wrong ?? "idGood");
    hint.dataset.good = String(wrong === null);
    number.setAttribute("aria-invalid", String(Boolean(wrong) && !waiting));
  };
  const shown = () => number.setAttribute("inputmode", draft.id_type === "resident_id" ? "numeric" : "text");
  type.addEventListener("change", () => {
    draft.id_type = type.value;
    shown();
    check();
  });
  number.addEventListener("input", check);
  number.addEventListener("blur", check);
  shown();
  const issuer = field(say("issuer"), bound(draft, "issuer", { inputmode: "numeric", maxlength: 64 }));
  issuer.hidden = draft.colour === "none";
  const pass = bound(draft, "pass", { maxlength: 128 });
  const scanned = element("div", { class: "camera" });
  const passPart = element("div", { class: "pass-part" }, field(say("passNumber"), pass, canScan() && scanButton(draft, pass, scanned)), scanned);
  passPart.hidden = !draft.hasPass;
  const off = element("button", { type: "button", class: "quiet", "aria-label": `${say("remove")}: ${say("person", { n: place })}` }, say("remove"));
  off.addEventListener("click", remove);
  return element(
    "li", { class: "person" },
    element("div", { class: "person-head" }, element("h3", {}, say("person", { n: place })), off),
    element("div", { class: "two identity" }, field(say("idType"), type), field(say("idNumber"), number)), hint,
    element("div", { class: "field" }, element("span", { class: "label" }, say("verified")), choice(say("verified"), VERIFIED.map((each) => [each, say(each)]), draft.verified_by, (chosen) => {
      draft.verified_by = chosen;
    })),
    element("div", { class: "field" }, element("span", { class: "label" }, say("colour")), colours(draft, issuer)), issuer,
    element("div", { class: "two" }, field(say("temperature"), bound(draft, "temperature", { class: "temperature", inputmode: "decimal", maxlength: 5 })),
      element("div", { class: "ticks" }, ticked(draft, "hasPass", say("paperPass"), () => {
        passPart.hidden = !draft.hasPass;
      }), ticked(draft, "refusal", say("refusal")))),
    passPart,
  );
}

function colours(draft, issuer) {
  const group = choice(say("colour"), COLOURS.map((each) => [each, say(each === "none" ? "noCode" : each)]), draft.colour, (chosen) => {
    draft.colour = chosen;
    issuer.hidden = chosen === "none";
  });
  group.classList.add("colours");
  return group;
}

function scanButton(draft, input, place) {
  const button = element("button", { type: "button", class: "quiet" }, say("scanCode"));
  let stop = null;
  button.addEventListener("click", async () => {
    if (stop) {
      stop();
      return;
    }
    button.textContent = say("stopScan");
    const scanning = scanOnce(place);
    stop = scanning.stop;
    const { text, failed } = await scanning.result;
    stop = null;
    button.textContent = say("scanCode");
    if (failed) place.textContent = say("noCamera");
    if (text) {
      draft.pass = text.slice(0, 128);
      input.value = draft.pass;
    }
  });
  return button;
}
