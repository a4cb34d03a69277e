// What outlives a reload: scans that are not stored yet, those that were refused, and the list.

const opened = new Promise((resolve, reject) => {
  const request = indexedDB.open("cordon", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("scans", { autoIncrement: true });
    request.result.createObjectStore("refused", { autoIncrement: true });
    request.result.createObjectStore("kept");
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function run(name, mode, act) {
  const database = await opened;
  return new Promise((resolve, reject) => {
    // Strict: a scan is on the disk before its verdict is shown.
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const add = (name, value) => run(name, "readwrite", (store) => store.add(value));
export const remove = (name, key) => run(name, "readwrite", (store) => store.delete(key));
export const count = (name) => run(name, "readonly", (store) => store.count());
export const clear = (name) => run(name, "readwrite", (store) => store.clear());
export const keep = (key, value) => run("kept", "readwrite", (store) => store.put(value, key));
export const kept = (key) => run("kept", "readonly", (store) => store.get(key));

// The oldest entries in their order, as [key, value].
export async function oldest(name, limit) {
  const keys = await run(name, "readonly", (store) => store.getAllKeys(null, limit));
  const values = await run(name, "readonly", (store) => store.getAll(null, limit));
  return keys.map((key, at) => [key, values[at]]);
}
