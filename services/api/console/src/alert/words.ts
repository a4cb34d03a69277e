// What an alert is about, in words.

import type { Alert } from "../api/types";
import { m } from "../paraglide/messages.js";

// The mask of a person is a word and a few digits; the word follows the language.
export function inWords(alert: Pick<Alert, "subject">): string {
  const { kind, label } = alert.subject;
  return kind === "person" ? label.replace(/^person /, `${m.alert_person()} `) : label;
}
