// Short words on what has just happened, with at most one thing to do about it.

export interface Toast {
  id: number;
  kind: "good" | "bad";
  text: string;
  action?: { label: string; run: () => void };
}

const LASTS_MS = 6_000;
const BAD_LASTS_MS = 12_000;

class Toasts {
  shown: Toast[] = $state([]);
  #next = 1;

  // Say that something is done; `lastsMs` is as long as what it offers can be done.
  good(text: string, action?: Toast["action"], lastsMs = LASTS_MS): number {
    return this.#add({ kind: "good", text, ...(action ? { action } : {}) }, lastsMs);
  }

  // Say that something is not done.
  bad(text: string): number {
    return this.#add({ kind: "bad", text }, BAD_LASTS_MS);
  }

  close(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, "id">, lastsMs: number): number {
    const id = this.#next++;
    this.shown = [...this.shown.slice(-3), { ...toast, id }];
    setTimeout(() => this.close(id), lastsMs);
    return id;
  }
}

export const toasts = new Toasts();
