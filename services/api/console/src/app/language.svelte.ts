// The language of the page. It changes while the page runs: every message is a function that reads
// `language.now`, so whatever shows one is drawn again.

import { overwriteGetLocale } from "../paraglide/runtime.js";
import { keep, kept } from "./kept";

export type Language = "en" | "zh";

function preferred(): Language {
  const chosen = kept("language");
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

class Chosen {
  now: Language = $state("en");

  begin(): void {
    overwriteGetLocale(() => this.now);
    this.#set(preferred());
  }

  choose(wanted: Language): void {
    keep("language", wanted);
    this.#set(wanted);
  }

  // What Intl calls it. China writes dates with the year first, as does British English here.
  get tag(): string {
    return this.now === "zh" ? "zh-CN" : "en-GB";
  }

  #set(wanted: Language): void {
    this.now = wanted;
    document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  }
}

export const language = new Chosen();
