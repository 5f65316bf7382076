/** The half of the page that trains on pictures dropped into it. */
import { proxy, type Remote } from 'comlink'
import type { Computer, TrainedStep } from './compute.js'
import { conditionField, type ConditionField } from './condition.js'
import { LossCurve } from './curve.js'
import type { Description } from './model.js'
import { compute, element, make, Progress, say } from './page.js'
import { draw, readPicture } from './pictures.js'
import type { Picture } from './pixels.js'

interface Entry {
  readonly picture: Picture
  readonly field: ConditionField | undefined
}

export function setUpTraining(
  computer: Remote<Computer>,
  { name, resolutions, condition, training }: Description,
): void {
  const drop = element('drop', HTMLElement)
  const files = element('files', HTMLInputElement)
  const list = element('examples', HTMLElement)
  const steps = element('train-steps', HTMLInputElement)
  const batch = element('batch', HTMLInputElement)
  const rate = element('rate', HTMLInputElement)
  const start = element('train', HTMLButtonElement)
  const end = element('stop', HTMLButtonElement)
  const download = element('download', HTMLButtonElement)
  const progress = new Progress('training-bar', 'training-state')
  const curve = new LossCurve()
  const entries = new Set<Entry>()
  const [highest] = resolutions
  let trained = 0

  if (!highest || highest.frames > 1 || !training) {
    const reason = training ? 'This page trains on images, and this model makes videos' : 'This model cannot be trained'
    element('training', HTMLElement).replaceChildren(make('h2', {}, 'Train'), `${reason}.`)
    return
  }
  rate.value = String(training.phase.rate)
  batch.min = batch.step = String(training.accumulate)
  batch.value = String(training.accumulate * Math.max(1, Math.round(8 / training.accumulate)))

  const add = async (file: File) => {
    const picture = await readPicture(file, highest.side)
    const words = file.name.replace(/\.\w+$/, '').replaceAll(/[-_]+/g, ' ')
    const entry = { picture, field: conditionField(condition, words) }
    const canvas = make('canvas', { width: picture.side, height: picture.side })
    draw(picture, canvas)
    const item = make('li', { title: file.name }, canvas, entry.field ?? words)
    const remove = () => {
      entries.delete(entry)
      item.remove()
    }
    entry.field?.setAttribute('aria-label', `what ${file.name} shows`)
    item.append(make('button', { type: 'button', title: 'remove', className: 'remove', onclick: remove }, '×'))
    list.append(item)
    entries.add(entry)
  }
  const addAll = async (chosen: Iterable<File>) => {
    for (const file of chosen) await add(file).catch((cause: unknown) => say(String(cause), true))
  }

  const train = async () => {
    const begun = performance.now()
    const examples = [...entries].map(({ picture, field }) => ({ picture, wish: field?.value ?? '' }))
    if (examples.length === 0) throw new Error('There is nothing to train on yet: drop images first.')
    const plan = { steps: steps.valueAsNumber, batch: batch.valueAsNumber, rate: rate.valueAsNumber }
    let [done, last] = [0, NaN]
    const onStep = proxy(async ({ number, loss, skipped }: TrainedStep) => {
      ;[done, last] = [number, loss]
      curve.add(loss)
      progress.step(number, skipped ? 'skipped: the gradient is not finite' : `loss ${loss.toPrecision(3)}`)
    })
    await computer.train(examples, plan, onStep)
    trained += done
    element('trained', HTMLElement).textContent = `${trained} steps trained here.`
    const perSecond = (done * plan.batch * 1000) / (performance.now() - begun)
    return `${done} steps, loss ${last.toPrecision(3)}, ${Number(perSecond.toPrecision(2))} images a second`
  }

  const save = async () => {
    const url = URL.createObjectURL(new Blob([await computer.save()], { type: 'application/octet-stream' }))
    make('a', { href: url, download: `${name}.safetensors` }).click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }

  files.onchange = () => {
    void addAll([...(files.files ?? [])])
    files.value = ''
  }
  // Wherever they are dropped: a browser would leave the page for an image that nobody takes.
  document.body.ondragover = (event) => {
    event.preventDefault()
    drop.classList.add('over')
  }
  document.body.ondragleave = () => drop.classList.remove('over')
  document.body.ondrop = (event) => {
    event.preventDefault()
    drop.classList.remove('over')
    void addAll([...(event.dataTransfer?.files ?? [])])
  }
  element('plan', HTMLFormElement).onsubmit = (event) => {
    event.preventDefault()
    void compute(() => progress.during(steps.valueAsNumber, train), { start, end })
  }
  end.onclick = () => void computer.stop()
  download.onclick = () => void compute(save)
}
