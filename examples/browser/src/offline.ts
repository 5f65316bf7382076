/** Keeps the page's files, so that it opens without its server. Only a built page has the service worker. */
import { element } from './page.js'

export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const kept = await navigator.serviceWorker.register('./service-worker.js').then(() => navigator.serviceWorker.ready)
  if (kept.active) element('offline', HTMLElement).textContent = 'This page now works offline.'
}
