// Dark by default, since the room is dark at three in the morning; light for those who want it.

import { keep, kept } from "./kept";

export type Theme = "dark" | "light";

class Shown {
  now: Theme = $state("dark");

  begin(): void {
    this.#set(kept("theme") === "light" ? "light" : "dark");
  }

  toggle(): void {
    const wanted = this.now === "dark" ? "light" : "dark";
    keep("theme", wanted);
    this.#set(wanted);
  }

  #set(wanted: Theme): void {
    this.now = wanted;
    document.documentElement.dataset.theme = wanted;
  }
}

export const theme = new Shown();
