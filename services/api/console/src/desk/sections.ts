// The sections of the desk, in the order of its navigation; each is a chunk of its own.

import type { Component } from "svelte";
import type { Role } from "../api/types";
import { m } from "../paraglide/messages.js";
import type { IconName } from "../ui/icons";

export interface Section {
  // The second part of its paths: `tasks` has `/desk/tasks/3f`.
  name: string;
  label: () => string;
  icon: IconName;
  load: () => Promise<{ default: Component<{ rest: readonly string[] }> }>;
  // Who may use it (services/api/guard.py); none = whoever reads.
  roles?: readonly Role[];
}

export const SECTIONS: readonly Section[] = [
  { name: "tasks", label: m.desk_tasks, icon: "task", load: () => import("./Tasks.svelte") },
  { name: "duty", label: m.desk_duty, icon: "clock", load: () => import("./Duty.svelte") },
  { name: "registers", label: m.desk_registers, icon: "desk", load: () => import("./Registers.svelte") },
  { name: "imports", label: m.desk_imports, icon: "upload", load: () => import("./Imports.svelte") },
  { name: "campaigns", label: m.desk_campaigns, icon: "send", load: () => import("./Campaigns.svelte") },
  { name: "batches", label: m.desk_batches, icon: "search", load: () => import("./Batches.svelte") },
  { name: "passes", label: m.desk_passes, icon: "print", load: () => import("./Passes.svelte") },
  { name: "registrations", label: m.desk_registrations, icon: "person", load: () => import("./Registrations.svelte") },
  { name: "silences", label: m.desk_silences, icon: "quiet", load: () => import("./Silences.svelte") },
  { name: "handover", label: m.desk_handover, icon: "note", load: () => import("./Handover.svelte"), roles: ["dispatcher", "supervisor", "admin", "auditor"] },
  { name: "people", label: m.desk_people, icon: "person", load: () => import("./People.svelte"), roles: ["admin"] },
  { name: "audit", label: m.desk_audit, icon: "link", load: () => import("./Audit.svelte"), roles: ["auditor", "admin"] },
];
