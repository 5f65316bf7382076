// Keeps the page's files, so that it works without its server. `version` and `files` are put before this by the build.
// A page that is asked for anew comes from the server where it answers; what it consists of has names that change with
// the content, so that what is kept is never out of date.
/* global version, files */
const prefix = `mdmc ${self.registration.scope} `
const current = prefix + version

self.addEventListener('install', (event) => {
  const fill = async () =>
    (await caches.open(current)).addAll(files.map((file) => new Request(file, { cache: 'no-cache' })))
  event.waitUntil(fill().then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  const tidy = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== current)
    await Promise.all(old.map((name) => caches.delete(name)))
    await self.clients.claim()
  }
  event.waitUntil(tidy())
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const kept = (what) => caches.match(what, { ignoreSearch: true, ignoreVary: true })
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => kept('./')))
  else event.respondWith(kept(request).then((found) => found ?? fetch(request)))
})
