// The page: signing in, the place, the scan, its verdict; and what goes on beside them.

import * as api from "./api.js";
import { choice, element } from "./element.js";
import { PlateField } from "./keys.js";
import { decideOffline, isFresh } from "./offline.js";
import { blank, card, MOST, posted } from "./persons.js";
import { normalise } from "./plate.js";
import { Queue } from "./queue.js";
import { Rechecks } from "./rechecks.js";
import * as store from "./store.js";
import { choose, current, dayAndClock, say, translate } from "./texts.js";
import { draw } from "./verdict.js";

const PLACE = "cordon.place";
const SOURCE = "cordon.source";
const ISSUER = "cordon.issuer";
const LIST_MS = 300_000;
const part = (id) => document.getElementById(id);

let list = null;
let place = JSON.parse(localStorage.getItem(PLACE) ?? "null");
let drafts = [];
let recheckOf = null;
let reached = navigator.onLine;
let queued = { waiting: 0, refused: 0, state: "idle" };
let shown = null; // {scan, decision} on the screen

const plate = new PlateField(part("plate"), part("keys"), part("plate-hint"));
const queue = new Queue((state) => {
  queued = state;
  drawStatus();
});
const rechecks = new Rechecks(part("rechecks"), (draft) => {
  plate.value = draft.plate;
  drafts = draft.persons.map((person) => ({ ...person, temperature: "" }));
  recheckOf = draft.recheckOf;
  drawPersons();
  show("scan");
  part("persons").querySelector(".temperature")?.focus();
});

// A name of this handheld, made once: the source of its events.
function source() {
  let name = localStorage.getItem(SOURCE);
  if (!name) {
    name = `handheld-${randomHex(6)}`;
    localStorage.setItem(SOURCE, name);
  }
  return name;
}

const randomHex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function show(id) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== id;
  if (id !== "verdict") shown = null;
  drawStatus();
}

function drawStatus() {
  const state = queued.state === "denied" ? "denied" : reached ? "online" : "offline";
  part("status").dataset.state = state;
  const words = [say(state === "denied" ? "denied" : state)];
  if (queued.waiting) words.push(say("queue", { n: queued.waiting }));
  if (queued.refused) words.push(say("refused", { n: queued.refused }));
  part("status-text").textContent = words.join(" · ");
  part("list-age").textContent = list ? say("listAge", { n: dayAndClock(list.as_of) }) : say("listMissing");
  part("list-age").dataset.old = String(!isFresh(list, Date.now()));
}

function reach(answered) {
  if (reached === answered) return;
  reached = answered;
  drawStatus();
}

// The list, and with it the sites.

async function fetchList() {
  if (!api.token()) return;
  try {
    list = await api.list();
    await store.keep("list", list);
    reach(true);
    drawSites();
    queue.flush();
  } catch (error) {
    if (!(error instanceof api.Failed)) throw error;
    reach(error.status !== 0);
    if (error.status === 401 || error.status === 403) {
      part("sign-in-error").textContent = say("badToken");
      show("sign-in");
    }
  }
  drawStatus();
}

function drawSites() {
  const select = part("site");
  const chosen = select.value || place?.site;
  select.replaceChildren(...(list?.sites ?? []).map((site) => element("option", { value: site.id, selected: site.id === chosen }, `${site.name} (${site.id})`)));
  part("site-hint").hidden = Boolean(list?.sites.length);
  drawPlace();
}

function drawPlace() {
  const name = list?.sites.find((site) => site.id === place?.site)?.name ?? place?.site ?? say("site");
  part("where").textContent = [name, place && say(place.direction), place?.lane].filter(Boolean).join(" · ");
}

// The form.

function drawPersons() {
  part("persons").replaceChildren(...drafts.map((draft, at) => card(draft, at + 1, () => {
    drafts.splice(at, 1);
    drawPersons();
    part("add-person").focus();
  })));
  part("add-person").textContent = drafts.length < MOST ? `+ ${say("addPerson")}` : say("tooMany");
  part("add-person").disabled = drafts.length >= MOST;
}

function clearForm() {
  plate.value = "";
  plate.fold(false);
  drafts = [];
  recheckOf = null;
  part("scan-error").textContent = "";
  drawPersons();
}

function scanOf(now) {
  const typed = plate.value;
  return {
    specversion: "1.0", type: "cordon.checkpoint-scan.v1", id: `${now}-${randomHex(8)}`, source: source(), time: new Date(now).toISOString(),
    data: {
      site: place.site, direction: place.direction, ...(place.lane && { lane: place.lane }), ...(typed && { plate: normalise(typed) ?? typed }),
      ...(drafts.length && { persons: drafts.map((draft) => posted(draft, now)) }), capture_mode: "online",
    },
  };
}

async function decide() {
  const complaint = !place ? "needSite" : !plate.value && !drafts.length ? "needSomething" : null;
  part("scan-error").textContent = complaint ? say(complaint) : "";
  if (complaint) return;
  const now = Date.now();
  const scan = scanOf(now);
  const draft = { plate: plate.value, persons: drafts, recheckOf };
  if (drafts.length) localStorage.setItem(ISSUER, drafts[0].issuer);
  let key;
  try {
    key = await queue.hold(scan);
  } catch (error) {
    // No room on the handheld: what is typed stays in the form.
    part("scan-error").textContent = say("diskFull", { n: error.message });
    return;
  }
  const decision = await ask(scan, key, now);
  if (!decision) return;
  rechecks.add(decision, draft, now);
  shown = { scan, decision };
  show("verdict");
  shown = { scan, decision };
  draw(part("verdict"), scan, decision, list, next);
  clearForm();
}

// The server's verdict, or this handheld's own; null where the server will not take the scan.
async function ask(scan, key, now) {
  try {
    const decision = await api.decide(scan);
    reach(true);
    if (decision.stored) await queue.done(key);
    else await queue.release(key);
    return decision;
  } catch (error) {
    if (!(error instanceof api.Failed)) throw error;
    if ([400, 413, 415, 422].includes(error.status)) {
      await queue.done(key); // it is still in the form, and can be mended there
      part("scan-error").textContent = say("problem", { n: error.message });
      return null;
    }
    reach(error.status !== 0);
    await queue.release(key);
    return decideOffline(scan, list, now);
  }
}

function next() {
  show("scan");
  part("plate").focus();
}

function redraw() {
  document.documentElement.lang = current() === "zh" ? "zh-CN" : "en";
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === current()));
  translate(document);
  part("direction").replaceChildren(choice(say("direction"), ["in", "out", "internal"].map((each) => [each, say(each)]), place?.direction ?? "in", (chosen) => {
    part("direction").dataset.value = chosen;
  }));
  part("direction").dataset.value = place?.direction ?? "in";
  plate.draw();
  drawPersons();
  drawPlace();
  drawStatus();
  rechecks.draw();
  if (shown) draw(part("verdict"), shown.scan, shown.decision, list, next);
}

function begin() {
  part("lane").value = place?.lane ?? "";
  show(!api.token() ? "sign-in" : place ? "scan" : "place");
  fetchList();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    choose(button.dataset.language);
    redraw();
  });
}
part("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  part("sign-in-error").textContent = "";
  api.signIn(part("token").value.trim());
  part("token").value = "";
  queue.state = "idle";
  begin();
});
part("sign-out").addEventListener("click", async () => {
  api.signOut();
  list = null;
  await store.clear("kept");
  show("sign-in");
});
part("place-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!part("site").value) return;
  place = { site: part("site").value, direction: part("direction").dataset.value, lane: part("lane").value.trim() };
  localStorage.setItem(PLACE, JSON.stringify(place));
  drawPlace();
  next();
});
part("where").addEventListener("click", () => show("place"));
part("plate-clear").addEventListener("click", () => {
  plate.value = "";
  part("plate").focus();
});
part("add-person").addEventListener("click", () => {
  drafts.push(blank(localStorage.getItem(ISSUER) ?? "330000"));
  drawPersons();
  part("persons").lastElementChild.querySelector(".id-number").focus();
});
part("persons").addEventListener("focusin", () => plate.fold(true));
part("scan-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = part("decide");
  if (button.disabled) return;
  button.disabled = true;
  button.textContent = say("deciding");
  try {
    await decide();
  } finally {
    button.disabled = false;
    button.textContent = say("decide");
  }
});
addEventListener("online", fetchList);
addEventListener("offline", () => reach(false));
setInterval(fetchList, LIST_MS);
setInterval(drawStatus, 30_000);

// A link signs a handheld in: the token comes behind the #, which no server and no log ever sees.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  api.signIn(given);
  history.replaceState(null, "", "/");
}
redraw();
list = (await store.kept("list")) ?? null;
drawSites();
begin();
await queue.tell();
queue.flush();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js");
// The browser is asked not to throw the queue away when the disk runs full.
navigator.storage?.persist?.();
