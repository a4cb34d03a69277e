// The forms of the API that several views read. Fields may be added on the other side at any time.

export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];
export type State = "open" | "acked" | "dispatched" | "resolved" | "retracted";
export type Outcome = "confirmed" | "false" | "authorised" | "duplicate" | "expired" | "transit" | "cleared";
export type EvidenceClass = "person" | "digital" | "vehicle" | "tip" | "system";
export type Role = "viewer" | "dispatcher" | "supervisor" | "auditor" | "admin" | "replay";

export interface Texts {
  en: string;
  zh: string;
}

export interface Evidence {
  source: string;
  id: string;
  type: string;
  time: string;
  site?: string;
}

export interface Alert {
  id: string;
  revision: number;
  rule: string;
  rule_version: string;
  policy_version: string;
  severity: Severity;
  evidence_class: EvidenceClass;
  state: State;
  outcome?: Outcome;
  subject: { kind: string; key: string; label: string };
  site?: string;
  grid?: string;
  order?: string;
  assignee?: string;
  note?: string;
  first_seen: string;
  last_seen: string;
  count: number;
  historical: boolean;
  evidence: Evidence[];
  reason: Texts;
  related?: string[];
  capped_by?: string;
  escalation?: number;
  incident?: string;
  silenced_by?: string[];
}

export interface AlertEvent {
  id: string;
  type: string;
  time: string;
  recordedtime: string;
  cursor?: string;
  actor?: string;
  data: Alert;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Person {
  name: string;
  role: Role;
  areas?: string[];
}

// What the console has to know of the deployment before anybody signs in.
export interface Deployment {
  timezone: string;
  ways: ("password" | "oidc")[];
}

// A task as `GET /v1/tasks` tells it (docs/tasks.md).
export interface Task {
  id: string;
  revision: number;
  kind: string;
  state: string;
  severity: Severity;
  text: Texts;
  author: string;
  created: string;
  due: string;
  unit?: string;
  assignee?: string;
  alert?: string;
  order?: string;
  subject?: string;
  label?: string;
  household?: string;
  grid?: string;
  site?: string;
  campaign?: string;
  item?: string;
  form?: string;
  facts?: Record<string, unknown>;
  answers?: Record<string, unknown>;
  waiting?: { for: string; since: string };
  result?: string;
  reason?: string;
  note?: string;
  level?: number;
  escalated_to?: string;
  evaluation?: { by: string; at: string; accepted: boolean; note?: string };
  ended?: string;
}
