/** The half of the page that draws pictures. */
import { proxy, type Remote } from 'comlink'
import type { Computer } from './compute.js'
import { conditionField, wordsOf } from './condition.js'
import type { Description } from './model.js'
import { compute, element, make, Progress, seconds } from './page.js'
import { draw, PictureRow } from './pictures.js'
import type { Picture } from './pixels.js'

const suggestions = ['red apple', 'banana', 'lemon', 'doughnut', 'watermelon', 'hamburger'] as const
/** How many of the pictures made earlier stay in sight. */
const kept = 24

export function setUpSampling(computer: Remote<Computer>, { resolutions, condition, sampling }: Description): void {
  const seed = element('seed', HTMLInputElement)
  const steps = element('steps', HTMLInputElement)
  const guidance = element('guidance', HTMLInputElement)
  const start = element('sample', HTMLButtonElement)
  const end = element('cancel', HTMLButtonElement)
  const earlier = element('earlier', HTMLElement)
  const progress = new Progress('sampling-bar', 'sampling-state')
  const row = new PictureRow(element('pictures', HTMLElement), resolutions)
  const field = conditionField(condition, suggestions[0])

  steps.value = String(sampling.steps)
  guidance.value = String(sampling.guidance)
  if (field) element('condition', HTMLElement).append(condition?.kind === 'text' ? 'prompt' : 'class', field)
  else guidance.parentElement?.remove()
  if (field instanceof HTMLInputElement)
    for (const text of suggestions) {
      const onclick = () => (field.value = text)
      element('suggestions', HTMLElement).append(make('button', { type: 'button', onclick }, text))
    }

  const sample = async () => {
    const begun = performance.now()
    const order = {
      wish: field?.value ?? '',
      seed: seed.valueAsNumber,
      steps: steps.valueAsNumber,
      guidance: field ? guidance.valueAsNumber : 1,
    }
    const words = wordsOf(field)
    const onStep = proxy(async (number: number, clean: Picture[]) => {
      row.show(clean)
      progress.step(number)
    })
    const pictures = await computer.sample(order, onStep)
    if (!pictures) return 'cancelled'
    row.show(pictures)
    remember(pictures, words, order.seed)
    seed.value = String(order.seed + 1)
    return `${order.steps} steps in ${seconds(performance.now() - begun)}`
  }

  const remember = ([highest]: readonly Picture[], words: string, from: number) => {
    if (!highest) return
    const canvas = make('canvas', { width: highest.side, height: highest.side })
    draw(highest, canvas)
    earlier.prepend(make('figure', { title: `${words}, seed ${from}` }, canvas, make('figcaption', {}, words)))
    earlier.children[kept]?.remove()
  }

  element('sampling', HTMLFormElement).onsubmit = (event) => {
    event.preventDefault()
    void compute(() => progress.during(steps.valueAsNumber, sample), { start, end })
  }
  end.onclick = () => void computer.stop()
}
