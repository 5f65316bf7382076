/** The page: its model, its device, and the two things to do with them. */
import { wrap } from 'comlink'
import type { Computer } from './compute.js'
import type { Device } from './devices.js'
import type { Description } from './model.js'
import { keepOffline } from './offline.js'
import { compute, element, make, say } from './page.js'
import { setUpSampling } from './sampling.js'
import { setUpTraining } from './training.js'

const computer = wrap<Computer>(new Worker(new URL('./compute.ts', import.meta.url), { type: 'module' }))
const select = element('device', HTMLSelectElement)

async function open(): Promise<void> {
  const description = await computer.description()
  describe(description)
  const available = await computer.devices()
  const asked = new URLSearchParams(location.search).get('device')
  const candidates = asked === null ? available : available.filter((device) => device === asked)
  const device = await firstThatWorks(candidates)
  if (!device) throw new Error(`${asked ?? 'tfjs'} does not work in this browser; there are: ${available.join(', ')}`)
  select.append(...available.map((name) => make('option', {}, name)))
  select.value = device
  setUpSampling(computer, description)
  setUpTraining(computer, description)
  for (const id of ['device', 'sample', 'train', 'download'])
    document.getElementById(id)?.toggleAttribute('disabled', false)
  say('')
}

async function firstThatWorks(candidates: readonly Device[]): Promise<Device | undefined> {
  let failure: unknown
  for (const device of candidates) {
    try {
      await computer.use(device)
      return device
    } catch (cause) {
      failure = cause
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

function describe({ name, resolutions, condition }: Description): void {
  document.title = name
  element('name', HTMLElement).textContent = name
  const sides = resolutions.map(({ side, frames }) => (frames === 1 ? `${side}` : `${frames} × ${side}`))
  const about = { text: 'from words', label: 'from classes', none: '' }[condition?.kind ?? 'none']
  element('about', HTMLElement).textContent = `Matryoshka diffusion ${about} at ${sides.join(', ')} pixels`
}

select.onchange = () => compute(() => computer.use(select.value as Device))
open().catch((cause: unknown) => say(cause instanceof Error ? cause.message : String(cause), true))
void keepOffline()
