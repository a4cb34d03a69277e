// The verdict without a network, from the scan and the list that was fetched before (decision 0015).
// Nobody's number can be looked up here, so a person with a document is never more than "verify",
// and nothing is "pass" by a list that is too old.

import { problem } from "./identity.js";
import { normalise } from "./plate.js";

const RANK = ["pass", "expedite", "verify", "hold"];
// domain.md, D05; the server's policy may say otherwise, and its verdict replaces this one.
const FEVER = 38;
const RAISED = 37.3;
const PLAUSIBLE = [34, 42];
const RELIED_ON_MS = 600_000;

export async function digest(list, plate) {
  const bytes = new TextEncoder().encode(list.salt + plate);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, list.digest_hex);
}

// Whether a list may be relied on at an instant; a page without HTTPS can make no digests.
export const isFresh = (list, now) =>
  Boolean(list && globalThis.crypto?.subtle && now - Date.parse(list.as_of) <= list.max_age_s * 1000 && Date.parse(list.as_of) - now < 300_000);

export async function decideOffline(scan, list, now) {
  const { plate, persons = [] } = scan.data;
  const reasons = [];
  const found = (kind, verdict, person) => reasons.push({ kind, verdict, ...(person && { person }) });
  const fresh = isFresh(list, now);
  if (!fresh) found("list-old", "verify");
  const canonical = plate && normalise(plate);
  if (plate ? !canonical : !persons.length) found("plate-unreadable", "verify");
  if (canonical && fresh && list.plates.includes(await digest(list, canonical))) found("listed-vehicle", "verify");
  for (const [at, person] of persons.entries()) judgePerson(person, at + 1, found);
  const worst = (some) => some.reduce((verdict, each) => (RANK.indexOf(each.verdict) > RANK.indexOf(verdict) ? each.verdict : verdict), "pass");
  reasons.sort((a, b) => RANK.indexOf(b.verdict) - RANK.indexOf(a.verdict));
  return {
    verdict: worst(reasons),
    persons: persons.map((_, at) => worst(reasons.filter((each) => each.person === at + 1 || each.kind === "list-old"))),
    reasons, offline: true, stored: false, historical: false,
    expires: new Date(now + RELIED_ON_MS).toISOString(),
  };
}

function judgePerson(person, place, found) {
  if (!person.id_number) found("no-identity", "verify", place);
  else if (problem(person.id_type, person.id_number)) found("identity-unreadable", "verify", place);
  else found("not-looked-up", "verify", place);
  if (person.code?.colour === "red") found("code-red", "hold", place);
  if (person.code?.colour === "yellow") found("code-yellow", "verify", place);
  if (person.refusal) found("refusal", "verify", place);
  const { temperature } = person;
  if (temperature === undefined) return;
  if (temperature < PLAUSIBLE[0] || temperature > PLAUSIBLE[1]) found("temperature-implausible", "verify", place);
  else if (temperature >= FEVER) found("fever", "hold", place);
  else if (temperature >= RAISED) found("recheck", "verify", place);
}
