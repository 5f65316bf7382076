/** The page's elements, and the one thing that it does at a time. */

/** The element of an id; its kind is what the page's code relies on. */
export function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} \`${id}\``)
  return found
}

/** Makes an element with properties and children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

const status = element('status', HTMLElement)

/** What the page says about itself. */
export function say(text: string, isError = false): void {
  status.textContent = text
  status.classList.toggle('error', isError)
}

/** Buttons and fields that wait while something is being computed. */
const waiting = '#device, #sample, #train, #download'

/**
 * Runs one computation; meanwhile its `end` button stands in place of its `start` button. What goes wrong is shown.
 * The model is one, and so is the processor: two computations at a time would only be in each other's way.
 */
export async function compute(work: () => Promise<void>, buttons?: { start: Element; end: Element }): Promise<void> {
  const fields = [...document.querySelectorAll<HTMLButtonElement | HTMLSelectElement>(waiting)]
  const enabled = fields.filter((field) => !field.disabled)
  for (const field of enabled) field.disabled = true
  buttons?.start.toggleAttribute('hidden', true)
  buttons?.end.toggleAttribute('hidden', false)
  try {
    say('')
    await work()
  } catch (cause) {
    say(cause instanceof Error ? cause.message : String(cause), true)
  }
  buttons?.start.toggleAttribute('hidden', false)
  buttons?.end.toggleAttribute('hidden', true)
  for (const field of enabled) field.disabled = false
}

/** Shows how far a computation is and, once steps can be timed, how long the rest takes. */
export class Progress {
  #first: number | undefined
  readonly #bar: HTMLProgressElement
  readonly #text: HTMLOutputElement

  /** Of the elements of these ids. */
  constructor(bar: string, text: string) {
    this.#bar = element(bar, HTMLProgressElement)
    this.#text = element(text, HTMLOutputElement)
  }

  /** Computes in so many steps; says in the end what the computation says of itself. */
  async during(steps: number, work: () => Promise<string>): Promise<void> {
    this.#first = undefined
    this.#bar.max = steps
    this.#bar.value = 0
    this.#text.value = 'step 1: kernels are being prepared'
    try {
      this.#text.value = await work()
    } catch (cause) {
      this.#text.value = 'failed'
      throw cause
    }
  }

  /** After step `number`, counted from 1. The first one prepares kernels, so time is counted from its end. */
  step(number: number, remark = ''): void {
    this.#bar.value = number
    const now = performance.now()
    const perStep = this.#first === undefined ? undefined : (now - this.#first) / (number - 1)
    this.#first ??= now
    const left = perStep === undefined ? '' : `${seconds(perStep * (this.#bar.max - number))} left`
    this.#text.value = [`step ${number} of ${this.#bar.max}`, left, remark].filter(Boolean).join(', ')
  }
}

/** A time in milliseconds as people say it. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)} s`
  const whole = Math.round(milliseconds / 1000)
  return whole < 100 ? `${whole} s` : `${Math.round(whole / 60)} min`
}
