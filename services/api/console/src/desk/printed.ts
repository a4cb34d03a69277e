// Passes as paper: the API draws them, four on a page of A4, with their codes; the browser shows the
// PDF in a tab of its own, from where it goes to a printer.

import { Problem } from "../api/call";

// How long a tab has to take what it was given.
const TAKEN_MS = 60_000;

// Open the papers of passes; throws Problem.
export async function printed(ids: readonly string[]): Promise<void> {
  const response = await fetch("/v1/passes:print", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ids, format: "pdf" }),
    credentials: "same-origin",
    cache: "no-store",
  }).catch((error: unknown) => {
    throw new Problem(0, { title: "unreachable", detail: String(error) });
  });
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => null), response.headers);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener";
  link.download = ids.length === 1 ? `${ids[0]}.pdf` : "passes.pdf";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), TAKEN_MS);
}
