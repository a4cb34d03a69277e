// What outlives a reload and a dead battery: what waits to be sent, and what was last read.

import type { Item } from "./item";

const NAME = "cordon-phone";

let opening: Promise<IDBDatabase> | undefined;

function opened(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("items", { keyPath: "id" });
      request.result.createObjectStore("read");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no store"));
  });
  return opening;
}

async function run<T>(name: "items" | "read", mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T> | undefined): Promise<T | undefined> {
  const database = await opened();
  return new Promise((resolve, reject) => {
    // Strict: it is on the disk before the officer is told that it is kept.
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("not kept"));
  });
}

export interface Kept {
  all(): Promise<Item[]>;
  put(...items: Item[]): Promise<void>;
  drop(...ids: string[]): Promise<void>;
}

export const items: Kept = {
  async all() {
    return (await run<Item[]>("items", "readonly", (store) => store.getAll())) ?? [];
  },
  async put(...changed) {
    await run("items", "readwrite", (store) => {
      for (const item of changed) store.put(item);
      return undefined;
    });
  },
  async drop(...ids) {
    await run("items", "readwrite", (store) => {
      for (const id of ids) store.delete(id);
      return undefined;
    });
  },
};

// Answers of the server as they were last read, for when there is no network.
export const read = {
  async get<T>(name: string): Promise<T | undefined> {
    return (await run("read", "readonly", (store) => store.get(name))) as T | undefined;
  },
  async put(name: string, value: unknown): Promise<void> {
    await run("read", "readwrite", (store) => store.put(value, name));
  },
  async clear(): Promise<void> {
    await run("read", "readwrite", (store) => store.clear());
  },
};
