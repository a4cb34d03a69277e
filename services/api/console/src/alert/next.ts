// The acts that make sense now, the likeliest first.

import type { Alert } from "../api/types";
import { m } from "../paraglide/messages.js";
import type { ActName } from "./acts.svelte";

export interface Next {
  name: ActName;
  key?: string;
  label: () => string;
}

const ACK: Next = { name: "ack", key: "a", label: m.alert_act_ack };
const DISPATCH: Next = { name: "dispatch", key: "d", label: m.alert_act_dispatch };
const RESOLVE: Next = { name: "resolve", key: "r", label: m.alert_act_resolve };
const TAKE: Next = { name: "assign", label: m.alert_act_assign_me };

// `me` is the name of whoever looks.
export function nextActs(alert: Alert, me: string): Next[] {
  const take = alert.assignee === me ? [] : [TAKE];
  if (alert.state === "open") return [ACK, DISPATCH, RESOLVE, ...take];
  if (alert.state === "acked") return [DISPATCH, RESOLVE, ...take];
  return alert.state === "dispatched" ? [RESOLVE, ...take] : [];
}
