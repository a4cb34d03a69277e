// The names of codes that come from the API, in the reader's language. A code that is newer than
// this console is shown as it is.

import type { Texts } from "../api/types";
import { language } from "../app/language.svelte";
import { m } from "../paraglide/messages.js";

type Names = Readonly<Record<string, () => string>>;

const SEVERITY: Names = {
  critical: m.names_severity_critical,
  high: m.names_severity_high,
  medium: m.names_severity_medium,
  low: m.names_severity_low,
  info: m.names_severity_info,
};

const STATE: Names = {
  open: m.names_state_open,
  acked: m.names_state_acked,
  dispatched: m.names_state_dispatched,
  resolved: m.names_state_resolved,
  retracted: m.names_state_retracted,
};

const OUTCOME: Names = {
  confirmed: m.names_outcome_confirmed,
  false: m.names_outcome_false,
  authorised: m.names_outcome_authorised,
  duplicate: m.names_outcome_duplicate,
  expired: m.names_outcome_expired,
  transit: m.names_outcome_transit,
  cleared: m.names_outcome_cleared,
};

const EVIDENCE: Names = {
  person: m.names_evidence_person,
  digital: m.names_evidence_digital,
  vehicle: m.names_evidence_vehicle,
  tip: m.names_evidence_tip,
  system: m.names_evidence_system,
};

const TYPE: Names = {
  "cordon.checkpoint-scan.v1": m.names_type_checkpoint_scan,
  "cordon.plate-hit.v1": m.names_type_plate_hit,
  "cordon.health-check.v1": m.names_type_health_check,
  "cordon.code-change.v1": m.names_type_code_change,
  "cordon.tip.v1": m.names_type_tip,
  "cordon.check-in.v1": m.names_type_check_in,
  "cordon.visit.v1": m.names_type_visit,
  "cordon.gate-event.v1": m.names_type_gate_event,
  "cordon.position-fix.v1": m.names_type_position_fix,
  "cordon.heartbeat.v1": m.names_type_heartbeat,
  "cordon.transfer-arrival.v1": m.names_type_transfer_arrival,
  "cordon.shop-observation.v1": m.names_type_shop_observation,
  "cordon.worker-health.v1": m.names_type_worker_health,
  "cordon.nil-report.v1": m.names_type_nil_report,
  "cordon.duty-sign-in.v1": m.names_type_duty_sign_in,
  "cordon.clock.v1": m.names_type_clock,
};

const RULE: Names = {
  "watch-list-hit": m.names_rule_watch_list_hit,
  "downstream-warning": m.names_rule_downstream_warning,
  "retrospective-hit": m.names_rule_retrospective_hit,
  "fuzzy-plate-hit": m.names_rule_fuzzy_plate_hit,
  "adverse-health-code": m.names_rule_adverse_health_code,
  "health-code-invalid": m.names_rule_health_code_invalid,
  fever: m.names_rule_fever,
  "pass-invalid": m.names_rule_pass_invalid,
  "forced-gate": m.names_rule_forced_gate,
  "check-incomplete": m.names_rule_check_incomplete,
  "quarantine-breach": m.names_rule_quarantine_breach,
  "quarantined-vehicle-moving": m.names_rule_quarantined_vehicle_moving,
  "zone-crossing": m.names_rule_zone_crossing,
  "missed-check-in": m.names_rule_missed_check_in,
  "watch-gap": m.names_rule_watch_gap,
  "release-due": m.names_rule_release_due,
  "transfer-not-arrived": m.names_rule_transfer_not_arrived,
  "breach-tip": m.names_rule_breach_tip,
  "risk-area-arrival": m.names_rule_risk_area_arrival,
  "first-seen-vehicle": m.names_rule_first_seen_vehicle,
  "unregistered-resident": m.names_rule_unregistered_resident,
  "overnight-stay": m.names_rule_overnight_stay,
  "arrival-not-followed-up": m.names_rule_arrival_not_followed_up,
  "risk-round-trip": m.names_rule_risk_round_trip,
  "inflow-surge": m.names_rule_inflow_surge,
  "foreign-resident-unregistered": m.names_rule_foreign_resident_unregistered,
  "co-travel": m.names_rule_co_travel,
  "person-vehicle-link": m.names_rule_person_vehicle_link,
  "close-contact": m.names_rule_close_contact,
  "checkpoint-bypass": m.names_rule_checkpoint_bypass,
  "cloned-plate": m.names_rule_cloned_plate,
  "identity-conflict": m.names_rule_identity_conflict,
  "source-silent": m.names_rule_source_silent,
  "clock-skew": m.names_rule_clock_skew,
  "read-quality": m.names_rule_read_quality,
  "no-plate": m.names_rule_no_plate,
  "nil-report-missing": m.names_rule_nil_report_missing,
  "opened-without-approval": m.names_rule_opened_without_approval,
  "worker-non-compliant": m.names_rule_worker_non_compliant,
  "green-channel-deviation": m.names_rule_green_channel_deviation,
  "duty-no-show": m.names_rule_duty_no_show,
  "target-missed": m.names_rule_target_missed,
  overdue: m.names_rule_overdue,
};

const ROLE: Names = {
  viewer: m.names_role_viewer,
  dispatcher: m.names_role_dispatcher,
  supervisor: m.names_role_supervisor,
  auditor: m.names_role_auditor,
  admin: m.names_role_admin,
  replay: m.names_role_replay,
};

const VERB: Names = {
  raised: m.names_verb_raised,
  updated: m.names_verb_updated,
  acked: m.names_verb_acked,
  assigned: m.names_verb_assigned,
  dispatched: m.names_verb_dispatched,
  noted: m.names_verb_noted,
  escalated: m.names_verb_escalated,
  reopened: m.names_verb_reopened,
  resolved: m.names_verb_resolved,
  retracted: m.names_verb_retracted,
};

const named = (names: Names) => (code: string | undefined) => (code === undefined ? "" : (names[code]?.() ?? code));

export const severityName = named(SEVERITY);
export const stateName = named(STATE);
export const outcomeName = named(OUTCOME);
export const evidenceName = named(EVIDENCE);
const typeName = named(TYPE);
// What a register says can be evidence too: its entries have types of their own.
export const eventName = (type: string): string => (type.endsWith(".put.v1") ? m.names_type_register() : typeName(type));
export const verbName = named(VERB);
export const ruleName = named(RULE);
export const roleName = named(ROLE);

// The mask of a person is a word and a few digits; the word follows the language.
export const masked = (label: string): string => label.replace(/^person(?= [0-9a-f]{4}…)/, m.alert_person());

// A text that comes in both languages.
export const inLanguage = (texts: Texts | undefined): string => texts?.[language.now] ?? texts?.en ?? "";
