/** Keeps the page's files, so that it opens without its server. Only a built page has the service worker. */
import { element } from './page.js'

export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const note = element('offline', HTMLElement)
  try {
    await navigator.serviceWorker.register('./service-worker.js')
    await navigator.serviceWorker.ready
    note.textContent = 'This page now works offline.'
  } catch (cause) {
    note.textContent = `This page needs its server: ${String(cause)}.`
  }
}
