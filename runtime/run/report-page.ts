/** A run's report as a page that stands for itself: nothing in it is fetched from elsewhere. */
import type { MetricsLine } from './metrics.js'
import type { Plot } from './report-plots.js'
import type { SampleGrid } from './samples.js'
import type { StoredSettings } from './settings.js'
import { pngSize } from './png-size.js'

/** What the page shows. */
export interface Story {
  readonly settings: StoredSettings
  readonly lines: readonly MetricsLine[]
  readonly plots: readonly Plot[]
  /** Grids in the order of their steps; the last is shown large. */
  readonly grids: readonly SampleGrid[]
  /** How many grids there are in the folder. */
  readonly allGrids: number
}

/** Remarks that are shown. */
const mostNotes = 100

/** The page as HTML. */
export function pageOf(story: Story): string {
  const { settings } = story
  const title = `${settings.model}: training`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(settings.model)}</h1>
<p>${escaped(summary(story))}</p>
</header>
<main>
${[facts(story), finalGrid(story), curves(story), earlierGrids(story), notes(story), details(settings)].join('\n')}
</main>
</body>
</html>
`
}

function summary({ settings, lines }: Story): string {
  const step = lastStep(lines)
  const begun = `begun ${settings.started.slice(0, 10)}`
  if (lines.length === 0) return `No step has been reported yet; ${begun}.`
  return step >= settings.steps
    ? `Trained for ${count(step)} steps; ${begun}.`
    : `Trained for ${count(step)} of ${count(settings.steps)} steps so far; ${begun}.`
}

function facts({ settings, lines }: Story): string {
  const total = (name: string) => lines.findLast(({ values }) => values.has(name))?.values.get(name)
  const seconds = total('seconds')
  const waiting = total('waiting_seconds')
  const skipped = total('skipped')
  const rows: [string, string | undefined][] = [
    ['Data', `${settings.data.name}, ${count(settings.data.examples)} examples`],
    ['Device', settings.device],
    ['Time taken', seconds === undefined ? undefined : duration(seconds)],
    ['Waiting for data', seconds && waiting !== undefined ? `${((100 * waiting) / seconds).toFixed(1)} %` : undefined],
    ['Images seen', counted(total('images'))],
    ['Examples skipped', counted(total('examples_skipped'))],
    ['Steps skipped', skipped === 0 ? undefined : counted(skipped)],
    ['Seed', String(settings.seed)],
  ]
  const shown = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`],
  )
  return `<section aria-label="Overview"><dl class="facts">${shown.join('')}</dl></section>`
}

function finalGrid({ grids }: Story): string {
  const last = grids.at(-1)
  if (last === undefined) return ''
  const captions = last.captions.map((caption) => `<li>${escaped(caption)}</li>`)
  const list = captions.length === 0 ? '' : `<ol class="captions">${captions.join('')}</ol>`
  return `<section><h2>Samples at step ${count(last.step)}</h2>
<div class="final">${image(last)}${list}</div></section>`
}

function curves({ plots }: Story): string {
  if (plots.length === 0) return ''
  const figures = plots.map(({ svg, wide }) => `<figure class="${wide ? 'wide' : 'half'}">${svg}</figure>`)
  return `<section><h2>Curves</h2><div class="plots">${figures.join('\n')}</div></section>`
}

function earlierGrids({ grids, allGrids }: Story): string {
  if (grids.length < 2) return ''
  const figures = grids.map(
    (grid) => `<figure>${image(grid)}<figcaption>step ${count(grid.step)}</figcaption></figure>`,
  )
  const more =
    allGrids > grids.length ? `<p>${grids.length} of ${count(allGrids)}; all are in the folder samples.</p>` : ''
  return `<section><h2>Samples over time</h2>${more}<div class="grids">${figures.join('\n')}</div></section>`
}

function image(grid: SampleGrid): string {
  const { width } = pngSize(grid.png)
  const data = `data:image/png;base64,${grid.png.toString('base64')}`
  const alt = `Samples at step ${grid.step}${grid.captions.length > 0 ? `: ${grid.captions.join('; ')}` : ''}`
  // Small pictures keep their pixels when they are shown larger; large ones are shown smaller.
  return `<img${width < 300 ? ' class="pixels"' : ''} src="${data}" alt="${escaped(alt)}">`
}

function notes({ lines }: Story): string {
  const found = lines.filter(({ note }) => note !== undefined)
  if (found.length === 0) return ''
  const shown = found.slice(-mostNotes)
  const more = found.length > shown.length ? `<p>The last ${mostNotes} of ${count(found.length)}.</p>` : ''
  const items = shown.map(({ step, note = '' }) => `<li><b>step ${count(step)}</b> ${escaped(note)}</li>`)
  return `<section><h2>Notes</h2>${more}<ul class="notes">${items.join('')}</ul></section>`
}

function details({ sources, options, versions, data, specHash, started }: StoredSettings): string {
  const table = (values: Readonly<Record<string, unknown>>) =>
    `<table>${Object.entries(values)
      .map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(plain(value))}</td></tr>`)
      .join('')}</table>`
  const specs = Object.entries(sources).map(
    ([path, text], i) =>
      `<details${i === 0 ? ' open' : ''}><summary>${escaped(path)}</summary><pre>${escaped(text)}</pre></details>`,
  )
  return `<section><h2>Settings</h2>
${specs.join('\n')}
<details open><summary>Options</summary>${table(options)}</details>
<details><summary>Origin</summary>${table({ begun: started, spec: specHash, data: data.fingerprint, ...versions })}</details>
</section>`
}

function lastStep(lines: readonly MetricsLine[]): number {
  return lines.reduce((last, { step }) => Math.max(last, step), 0)
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function counted(value: number | undefined): string | undefined {
  return value === undefined ? undefined : count(value)
}

/** `2 d 3 h`, `3 h 12 min`, `12 min 5 s`, `5 s`. */
function duration(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ]
  const whole = Math.round(seconds)
  const first = Math.max(
    0,
    units.findIndex(([, size]) => whole >= size),
  )
  if (whole < 1) return 'less than a second'
  return units
    .slice(first, first + 2)
    .map(([unit, size], i) => `${Math.floor((i === 0 ? whole : whole % (units[first]?.[1] ?? 1)) / size)} ${unit}`)
    .join(' ')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

const style = `
:root { color-scheme: light dark; --back: #fff; --card: #f6f7f9; --text: #1c2430; --faint: #5d6878; --line: #e3e6eb; }
@media (prefers-color-scheme: dark) {
  :root { --back: #12151a; --card: #1b2027; --text: #e4e8ee; --faint: #97a2b2; --line: #2b323c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 1040px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { margin: 0; font-size: 32px; line-height: 1.2; }
header p { margin: 4px 0 0; color: var(--faint); }
h2 { margin: 40px 0 12px; font-size: 20px; }
main { padding-bottom: 64px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px; margin: 24px 0 0; }
.facts div { padding: 12px 16px; background: var(--card); border-radius: 8px; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
img { display: block; max-width: 100%; border-radius: 4px; }
.pixels { image-rendering: pixelated; }
.final { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
.final img { flex: 2 1 420px; min-width: 0; max-width: 640px; }
.captions { flex: 1 1 240px; margin: 0; padding-left: 24px; color: var(--faint); font-size: 14px; }
.captions:has(li:nth-child(30)) { columns: 2; font-size: 12px; }
figure { margin: 0; }
.plots { display: grid; grid-template-columns: repeat(2, 1fr); gap: 16px; }
.plots figure { padding: 16px; background: var(--card); border-radius: 8px; min-width: 0; }
.plots .wide { grid-column: 1 / -1; }
.plots svg { display: block; width: 100%; height: auto; }
.grids { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 16px; }
.grids img { width: 100%; }
figcaption { margin-top: 4px; color: var(--faint); font-size: 13px; }
.notes { margin: 0; padding: 0; list-style: none; }
.notes li { padding: 6px 0; border-bottom: 1px solid var(--line); font-size: 14px; }
.notes b { display: inline-block; min-width: 110px; font-weight: 600; font-variant-numeric: tabular-nums; }
details { margin: 0 0 8px; padding: 8px 16px; background: var(--card); border-radius: 8px; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
table { margin: 8px 0; border-collapse: collapse; font-size: 14px; }
th { padding: 3px 24px 3px 0; text-align: left; font-weight: 400; color: var(--faint); white-space: nowrap; vertical-align: top; }
td { padding: 3px 0; overflow-wrap: anywhere; }
@media (max-width: 720px) { .plots { grid-template-columns: 1fr; } }
`
