// What a failed call means, in words for whoever sees it. The server's own detail is in English and
// names the field; it stands behind words of the reader's language.

import { Problem } from "../api/call";
import { m } from "../paraglide/messages.js";

export function problemText(error: unknown): string {
  if (!(error instanceof Problem)) return m.ui_problem_else({ detail: error instanceof Error ? error.message : String(error) });
  if (error.unreachable) return m.ui_problem_unreachable();
  if (error.status === 401) return m.ui_problem_401();
  if (error.status === 403) return m.ui_problem_403({ detail: error.message });
  if (error.status === 404) return m.ui_problem_404();
  if (error.status === 409) return m.ui_problem_409({ detail: error.message });
  if (error.status === 429) return m.ui_problem_429({ seconds: error.retryAfterS ?? 60 });
  if (error.status >= 500) return m.ui_problem_500({ status: error.status });
  return error.field ? m.ui_problem_field({ field: error.field, detail: error.message }) : m.ui_problem_else({ detail: error.message });
}
