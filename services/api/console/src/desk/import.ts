// Imports as the API tells them, and by what it knows the kind of a table. Pure.

export interface Import {
  id: string;
  register: string;
  batch: string | null;
  by: string;
  dry_run: boolean;
  state: "running" | "done" | "failed" | "lost";
  problem: string | null;
  unused_columns: string[];
  total: number;
  done: number;
  created: number;
  changed: number;
  unchanged: number;
  rejected: number;
  started: string;
}

export interface CellNote {
  column?: string | null;
  field?: string | null;
  en: string;
  zh: string;
}

export interface RowTold {
  place: number;
  row: number;
  outcome: string;
  id?: string;
  problems?: CellNote[];
  repairs?: CellNote[];
}

const FORMATS: Record<string, string> = {
  csv: "text/csv",
  tsv: "text/csv",
  txt: "text/csv",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
};

// The content type of a table by its name; browsers call CSV by whatever opens it on the machine.
export function formatOf(name: string): string | null {
  return FORMATS[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? null;
}

// The id of the import that an answer tells of: of a job, or of one that is done already.
export function idOf(content: { id?: string; import?: string }, headers: Headers): string | null {
  const place = headers.get("Location")?.split("/").at(-1);
  return content.id ?? content.import ?? (place ? decodeURIComponent(place) : null);
}
