// One thing that somebody has asked for: while it runs, and what came of it.

import { Problem } from "../api/call";
import { problemText } from "../ui/problem";
import { toasts } from "../ui/toasts.svelte";

export class Doing {
  busy = $state(false);
  wrong: Problem | null = $state.raw(null);

  // Run it, and say what went well or wrong; returns whether it is done.
  async run(act: () => Promise<unknown>, said = ""): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.wrong = null;
    try {
      await act();
      if (said) toasts.good(said);
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.wrong = error;
      toasts.bad(problemText(error));
      return false;
    } finally {
      this.busy = false;
    }
  }
}
