// The sound of the board. Browsers let a page sound only after somebody has touched it.

import { keep, kept } from "../app/kept";
import type { Alert } from "../api/types";
import { type Chime, chimeOf, everyMs, loudest, type Tone } from "./sounding";

const NOTE_S = 0.16;

class Sound {
  muted = $state(kept("sound") === "off");
  // It should sound, and the browser does not let it.
  blocked = $state(false);
  #context: AudioContext | null = null;
  #lastMs = 0;

  toggle(): void {
    this.muted = !this.muted;
    keep("sound", this.muted ? "off" : "on");
    if (!this.muted) void this.#play({ notes: [660], gain: 0.15 });
  }

  // An alert has come, or escalated.
  arrived(tone: Tone, nowMs: number): void {
    const chime = chimeOf(tone);
    if (this.muted || chime === null) return;
    this.#lastMs = nowMs;
    void this.#play(chime);
  }

  // Sound again, as long as somebody has to take something on. To be called every second.
  remind(alerts: Iterable<Alert>, nowMs: number): void {
    if (this.muted) return;
    const tone = loudest(alerts);
    if (tone === null || nowMs - this.#lastMs < everyMs(tone)) return;
    this.arrived(tone, nowMs);
  }

  async #play(chime: Chime): Promise<void> {
    this.#context ??= new AudioContext();
    const context = this.#context;
    if (context.state === "suspended") {
      // It resolves when somebody touches the page, which may be never: nothing waits for it.
      void context.resume().then(() => {
        this.blocked = false;
      });
    }
    this.blocked = context.state !== "running";
    if (this.blocked) return;
    chime.notes.forEach((hertz, place) => {
      const begin = context.currentTime + place * NOTE_S;
      const tone = context.createOscillator();
      const gain = context.createGain();
      tone.frequency.value = hertz;
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(chime.gain, begin + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, begin + NOTE_S);
      tone.connect(gain).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + NOTE_S);
    });
  }
}

export const sound = new Sound();
