// Keeps the phone pages for when there is no network. The build puts VERSION and PARTS before this: a
// changed part makes another worker, which fetches everything anew. It governs /phone/ alone, and
// never answers for the API: an old answer must not look like a new one.

const KEPT = `cordon-phone-${VERSION}`;
const PAGE = "/phone/";

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
      .then((names) => Promise.all(names.filter((name) => name.startsWith("cordon-phone-") && name !== KEPT).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const name = request.mode === "navigate" && url.pathname.startsWith(PAGE) ? PAGE : url.pathname;
  if (!PARTS.includes(name)) return;
  event.respondWith(
    caches.open(KEPT)
      .then((cache) => cache.match(name))
      .then((part) => part ?? fetch(request)),
  );
});
