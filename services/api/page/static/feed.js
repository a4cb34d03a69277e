// The live feed. The browser resumes a broken stream by itself with the cursor of the last event;
// a stream that was refused, or that fell silent, is opened again here, from the same cursor.

import { SEVERITIES } from "./texts.js";

const VERBS = ["raised", "updated", "acked", "assigned", "dispatched", "noted", "escalated", "reopened", "resolved", "retracted"];
const BACKOFF_MS = [500, 1000, 2000, 5000, 10000];
// A filtered reader gets a position every 15 s, so that silence means a dead connection. Hence the
// filter, which lets every severity through.
const SILENCE_MS = 40_000;
const EVERYTHING = SEVERITIES.map((severity) => `severity=${severity}`).join("&");

export class Feed {
  // `on` has opened(event), changed(event), gap(event), broken() and admitted(), which resolves to
  // whether this browser may still read.
  constructor(on) {
    this.on = on;
    this.cursor = null;
    this.failures = 0;
    this.source = null;
    this.timer = null;
    this.heard = 0;
    this.watch = null;
  }

  open() {
    const resume = this.cursor ? `&last_event_id=${encodeURIComponent(this.cursor)}` : "";
    const source = new EventSource(`/v1/alerts/stream?${EVERYTHING}${resume}`);
    const listen = (type, handle) =>
      source.addEventListener(type, (message) => {
        this.heard = Date.now();
        if (message.lastEventId) this.cursor = message.lastEventId;
        handle(JSON.parse(message.data));
      });
    this.source = source;
    this.heard = Date.now();
    listen("cordon.feed.open.v1", (event) => {
      this.failures = 0;
      this.on.opened(event);
    });
    listen("cordon.feed.gap.v1", (event) => this.on.gap(event));
    listen("cordon.feed.position.v1", () => {});
    for (const verb of VERBS) listen(`cordon.alert.${verb}.v1`, (event) => this.on.changed(event));
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      this.on.broken();
      if (source.readyState === EventSource.CLOSED) this.again();
    });
    clearInterval(this.watch);
    this.watch = setInterval(() => {
      if (source.readyState === EventSource.OPEN && Date.now() - this.heard > SILENCE_MS) {
        this.on.broken();
        this.again();
      }
    }, 5_000);
  }

  again() {
    this.close();
    const delay = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(async () => {
      if (await this.on.admitted()) this.open();
    }, delay);
  }

  close() {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    this.source?.close();
    this.source = null;
  }
}
