// Keeps the page for when there is no network. The server puts VERSION and PARTS before this: a
// changed part makes another worker, which fetches everything anew.

const KEPT = `cordon-page-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(KEPT)
      .then((cache) => cache.addAll(PARTS.map((part) => new Request(part, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

// Scans, verdicts and lists never come from here: an old answer must not look like a new one.
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || !PARTS.includes(url.pathname)) return;
  event.respondWith(
    caches.open(KEPT)
      .then((cache) => cache.match(url.pathname))
      .then((part) => part ?? fetch(event.request)),
  );
});
