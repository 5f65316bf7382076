/** The page: its model, its device, and the two things to do with them. */
import { wrap } from 'comlink'
import type { Computer } from './compute.js'
import type { Device } from './devices.js'
import type { Description } from './model.js'
import { keepOffline } from './offline.js'
import { compute, element, make, say } from './page.js'
import { setUpSampling } from './sampling.js'
import { setUpTraining } from './training.js'

const worker = new Worker(new URL('./compute.ts', import.meta.url), { type: 'module' })
const computer = wrap<Computer>(worker)
const select = element('device', HTMLSelectElement)
let used: Device | undefined

async function open(): Promise<void> {
  const description = await computer.description()
  describe(description)
  const available = await computer.devices()
  const asked = new URLSearchParams(location.search).get('device')
  await useFirstOf(asked === null ? available : available.filter((device) => device === asked))
  if (!used) throw new Error(`${asked ?? 'tfjs'} does not work in this browser; there are: ${available.join(', ')}`)
  select.append(...available.map((name) => make('option', {}, name)))
  select.value = used
  setUpSampling(computer, description)
  setUpTraining(computer, description)
  for (const id of ['device', 'sample', 'train', 'download'])
    document.getElementById(id)?.toggleAttribute('disabled', false)
  say('')
}

/** Uses the first device that works; a driver may refuse what the browser has promised. */
async function useFirstOf([device, ...others]: readonly Device[]): Promise<void> {
  if (!device) return
  try {
    await computer.use(device)
    used = device
  } catch (cause) {
    if (others.length === 0) throw cause
    await useFirstOf(others)
  }
}

async function change(): Promise<void> {
  try {
    await computer.use(select.value as Device)
    used = select.value as Device
  } finally {
    select.value = used ?? ''
  }
}

function describe({ name, resolutions, condition }: Description): void {
  document.title = name
  element('name', HTMLElement).textContent = name
  const sides = resolutions.map(({ side, frames }) => (frames === 1 ? `${side}` : `${frames} × ${side}`))
  const about = { text: 'from words', label: 'from classes', none: '' }[condition?.kind ?? 'none']
  element('about', HTMLElement).textContent = `Matryoshka diffusion ${about} at ${sides.join(', ')} pixels`
}

select.onchange = () => compute(change)
worker.onerror = ({ message }) => say(message || 'The page could not be loaded as a whole: reload it.', true)
void open()
  .catch((cause: unknown) => say(cause instanceof Error ? cause.message : String(cause), true))
  // Not before the model is there: browsers fail to load a large file twice at the same time.
  .then(keepOffline)
