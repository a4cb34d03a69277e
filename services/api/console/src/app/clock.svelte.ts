// The server's clock, as far as this browser knows it, ticking once a second for all that show an
// age or a deadline. One timer for all: a timer for each of a thousand alerts is what makes pages
// stutter.

class Clock {
  // The server's clock minus this browser's, in ms; the feed tells it when it opens.
  skewMs = $state(0);
  // Now by the server's clock, ms UTC, to the second.
  nowMs = $state(Date.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  begin(): void {
    this.#timer ??= setInterval(() => this.tick(), 1_000);
  }

  tick(): void {
    this.nowMs = Date.now() + this.skewMs;
  }

  // Take in the time that the server has just told.
  told(at: string): void {
    const ms = Date.parse(at);
    if (!Number.isNaN(ms)) this.skewMs = ms - Date.now();
    this.tick();
  }

  // Now, exact, for what is computed and not shown.
  exactMs(): number {
    return Date.now() + this.skewMs;
  }
}

export const clock = new Clock();
