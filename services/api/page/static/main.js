// The page: who is signed in, the feed, the board, the keys.

import * as api from "./api.js";
import { Board } from "./board.js";
import { Feed } from "./feed.js";
import { Suppressed } from "./suppressed.js";
import * as texts from "./texts.js";
import { say } from "./texts.js";

const $ = (id) => document.getElementById(id);
const BEHIND_S = 3;
// Recorded times this old are those of a replayed timeline, not a feed that is late.
const REPLAYED_S = 12 * 3600;
const SETTLED_MS = 5_000;
const REST_MS = 1_000;

const board = new Board(
  { list: $("alerts"), severities: $("severities"), states: $("states"), empty: $("empty"), announce: $("announce") },
  act,
  loadCapped,
);
const suppressed = new Suppressed(
  { panel: $("suppressed"), sum: $("suppressed-sum"), table: $("suppressed-table") },
  () => signedOut("ended"),
);
let person = null;
let older = null;
let joined = false; // whether the feed has been open since the sign-in
let skew = 0; // the server's clock minus ours, in ms
let status = { state: "connecting" };
let settle = 0;
let signInError = null;

const feed = new Feed({
  opened(event) {
    skew = Date.parse(event.time) - Date.now();
    show({ state: "live" });
    // What was loaded before the stream was open may lack what happened in between.
    if (!joined) load();
    joined = true;
  },
  gap() {
    // Whatever is on the board may have changed unseen, so nothing of it stays.
    $("gap").hidden = false;
    board.clear();
    older = null;
    load();
  },
  changed(event) {
    const added = board.merge(event.data, event.actor);
    if (added) board.change(event.data.id, { fresh: true });
    const escalated = event.type === "cordon.alert.escalated.v1";
    if ((added || escalated) && !event.data.capped_by) board.announce(event.data);
    late(event);
  },
  broken: () => show({ state: "reconnecting" }),
  async admitted() {
    try {
      person = await api.whoAmI();
      return true;
    } catch (error) {
      if (error.status === 401) signedOut("ended");
      else feed.again();
      return false;
    }
  },
});

// Say how far the feed is behind, as long as late events come in.
function late(event) {
  const behind = (Date.now() + skew - Date.parse(event.recordedtime)) / 1000;
  if (behind > REPLAYED_S) return show({ state: "replayed", at: event.recordedtime });
  if (behind < BEHIND_S) return status.state === "behind" || show({ state: "live" });
  show({ state: "behind", seconds: behind });
  clearTimeout(settle);
  settle = setTimeout(() => status.state === "behind" && show({ state: "live" }), SETTLED_MS);
}

function show(next) {
  status = next;
  const words = {
    behind: () => say("behind", texts.duration(next.seconds)),
    replayed: () => say("replayed", texts.instant(next.at)),
  };
  const text = (words[next.state] ?? (() => say(next.state)))();
  $("status").dataset.state = next.state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

// Load the newest alerts, or those before a cursor.
async function load(cursor = null) {
  try {
    const page = await api.alerts(cursor);
    // Loading the newest again must not forget how far back the list goes already.
    if (cursor || !older) older = page.next;
    $("older").hidden = !older;
    for (const alert of page.items) board.merge(alert);
    if (!cursor) await loadBeyond();
  } catch (error) {
    if (error.status === 401) signedOut("ended");
    else if (person) setTimeout(() => load(cursor), 3_000);
  }
}

// Load what is still open of the alerts beyond the rate cap: once their summary is over, they are
// listed like any others.
async function loadBeyond() {
  const { items } = await api.cappedOpen();
  for (const id of new Set(items.map((alert) => alert.capped_by))) {
    if (!board.items.has(id)) board.merge(await api.alert(id));
  }
  for (const alert of items) board.merge(alert);
}

// Load the alerts that a summary stands for, as many as the board keeps.
async function loadCapped(id) {
  try {
    let cursor = null;
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await api.capped(id, cursor);
      for (const alert of page.items) board.merge(alert);
      cursor = page.next;
      if (!cursor) return;
    }
  } catch (error) {
    if (error.status === 401) return signedOut("ended");
    const detail = error instanceof api.Failed ? error.message : say("unreachable");
    board.change(id, { notice: { key: "failedCapped", detail } });
  }
}

async function act(item, deed) {
  const { id, revision } = item.alert;
  board.change(id, { pending: deed, resting: true, notice: null });
  // The second half of a double click that acknowledges must not send anybody out.
  setTimeout(() => board.change(id, { resting: false }), REST_MS);
  try {
    board.merge(await api.act(id, deed, revision));
    board.change(id, { pending: false });
  } catch (error) {
    if (error.status === 401) return signedOut("ended");
    if (error.status === 409) {
      try {
        board.merge(await api.alert(id));
      } catch {
        // The feed brings the newer revision in any case.
      }
      return board.change(id, { pending: false, notice: { key: "faster" } });
    }
    const detail = error instanceof api.Failed ? error.message : say("unreachable");
    board.change(id, { pending: false, notice: { key: "failed", detail } });
  }
}

function signedIn(who) {
  person = who;
  board.may = who.role === "dispatcher" || who.role === "admin";
  $("sign-in").hidden = true;
  for (const id of ["board", "foot", "sign-out", "who", "status"]) $(id).hidden = false;
  $("key-ack").hidden = !board.may;
  $("who").textContent = who.name;
  $("token").value = "";
  show({ state: "connecting" });
  board.redraw();
  load();
  feed.open();
}

function signedOut(why = null) {
  person = null;
  feed.close();
  feed.cursor = null;
  older = null;
  joined = false;
  board.clear();
  suppressed.clear();
  for (const id of ["board", "foot", "sign-out", "who", "status", "gap"]) $(id).hidden = true;
  $("sign-in").hidden = false;
  document.title = "Cordon";
  complain(why);
  $("token").focus();
}

function complain(key) {
  signInError = key;
  $("sign-in-error").textContent = key ? say(key) : "";
}

function translate() {
  document.documentElement.lang = texts.current() === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === texts.current()));
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? say("zoneUnknown");
  $("zone").textContent = say("local", zone);
  show(status);
  complain(signInError);
  board.redraw();
  suppressed.draw();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    texts.choose(button.dataset.language);
    translate();
  });
}
$("older").addEventListener("click", () => load(older));
$("gap-close").addEventListener("click", () => {
  $("gap").hidden = true;
});
$("sign-out").addEventListener("click", async () => {
  try {
    await api.signOut();
  } finally {
    signedOut();
  }
});
$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  complain(null);
  try {
    signedIn(await api.signIn($("token").value.trim()));
  } catch (error) {
    complain(error.status === 401 || error.status === 403 ? "badToken" : "unreachable");
  }
});
document.addEventListener("keydown", (event) => {
  if (!person || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const keys = {
    j: () => board.move(1), k: () => board.move(-1), a: () => board.acknowledgeFocused(), e: () => board.toggleEvidence(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

translate();
try {
  signedIn(await api.whoAmI());
} catch (error) {
  const spent = location.hash === "#link-spent";
  signedOut(spent ? "linkSpent" : error.status === 401 ? null : "unreachable");
}
if (location.hash) history.replaceState(null, "", "/");
