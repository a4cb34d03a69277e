// Scans on their way to the server: first on the disk, then sent, in order, until they are stored.
// A scan's id is made once, so sending it again is harmless.

import * as api from "./api.js";
import * as store from "./store.js";

const BATCH = 50;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export class Queue {
  constructor(changed) {
    this.changed = changed; // ({waiting, refused, state}) => void
    this.state = "idle"; // idle, waiting (for the next attempt), denied (the token)
    this.wait = FIRST_WAIT_MS;
    this.timer = 0;
    this.sending = null;
    this.held = new Set(); // keys of scans that are being decided
    addEventListener("online", () => this.flush());
  }

  // Put a scan on the disk; returns its key. Until `release` it is not sent from here.
  async hold(scan) {
    const key = await store.add("scans", scan);
    this.held.add(key);
    await this.tell();
    return key;
  }

  async done(key) {
    await store.remove("scans", key);
    this.held.delete(key);
    await this.tell();
  }

  async release(key) {
    this.held.delete(key);
    await this.tell();
    this.later();
  }

  // Set a scan aside that the server will never take; nothing is thrown away unseen.
  async refuse(key, scan, detail) {
    await store.add("refused", { scan, detail });
    await this.done(key);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.sending ??= this.send().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  later() {
    if (this.timer || this.state === "denied") return;
    this.timer = setTimeout(() => this.flush(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  async send() {
    for (;;) {
      const batch = (await store.oldest("scans", BATCH)).filter(([key]) => !this.held.has(key));
      if (!batch.length || !api.token()) break;
      // What is sent later was recorded without a connection, and says so.
      const scans = batch.map(([, scan]) => ({ ...scan, data: { ...scan.data, capture_mode: "buffered" } }));
      try {
        const outcome = await api.send(scans);
        const refused = new Map(outcome.rejected.map((item) => [item.index, item.problem]));
        for (const [at, [key, scan]] of batch.entries()) {
          const problem = refused.get(at);
          if (problem) await this.refuse(key, scan, problem.detail ?? problem.title);
          else await this.done(key);
        }
        this.wait = FIRST_WAIT_MS;
        this.state = "idle";
      } catch (error) {
        if (!(error instanceof api.Failed)) throw error;
        this.state = error.status === 401 || error.status === 403 ? "denied" : "waiting";
        await this.tell();
        this.later();
        return;
      }
    }
    this.state = "idle";
    await this.tell();
  }

  async tell() {
    const [waiting, refused] = [await store.count("scans"), await store.count("refused")];
    this.changed({ waiting, refused, state: this.state });
  }
}
