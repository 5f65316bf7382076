/** Line plots as SVG, through Vega-Lite without a browser. */
import { parse, View } from 'vega'
import { compile, type Config, type TopLevelSpec } from 'vega-lite'

export interface Curve {
  /** Curves of one name have one colour. */
  readonly name: string
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** How it is drawn; a line where absent. */
  readonly mark?: Mark
}

export type Mark = keyof typeof marks

export interface Axes {
  readonly title: string
  /** Of whole numbers, such as steps. */
  readonly x: string
  readonly y: string
  /** Values from 0 on where absent; `log` for values above 0; `near` shows only where values are. */
  readonly scale?: 'log' | 'near'
}

export interface Look {
  readonly width: number
  readonly height: number
  /** Whether the plot stands in a page, whose background and colour of text it takes over. */
  readonly inPage: boolean
}

const marks = {
  /** What lies behind the others. */
  faint: { type: 'line', opacity: 0.3, strokeWidth: 1 },
  line: { type: 'line' },
  dots: { type: 'point', filled: true, size: 40, opacity: 1 },
} as const

const single: Look = { width: 560, height: 320, inPage: false }

/** Colours that stand out on white and on black. */
const colours = ['#3b82f6', '#f97316', '#10b981', '#d946ef', '#eab308', '#ef4444', '#06b6d4', '#8b5cf6']

const inPage: Config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  title: { color: 'currentColor', fontWeight: 600, fontSize: 14, anchor: 'start' },
  axis: {
    labelColor: 'currentColor',
    labelOpacity: 0.7,
    labelPadding: 6,
    titleColor: 'currentColor',
    titleOpacity: 0.7,
    titleFontWeight: 400,
    gridColor: 'currentColor',
    gridOpacity: 0.12,
    domain: false,
    ticks: false,
  },
  legend: {
    labelColor: 'currentColor',
    orient: 'top',
    direction: 'horizontal',
    symbolType: 'stroke',
    symbolOpacity: 1,
    symbolStrokeWidth: 3,
    offset: 4,
  },
  view: { stroke: 'transparent' },
  range: { category: colours },
}

/** The SVG text of some curves in one picture; points that cannot be shown are left out. */
export async function plotLines(curves: readonly Curve[], axes: Axes, look: Look = single): Promise<string> {
  const names = [...new Set(curves.map(({ name }) => name))]
  const spec: TopLevelSpec = {
    title: axes.title,
    width: look.width,
    height: look.height,
    ...(look.inPage
      ? { config: inPage, autosize: { type: 'fit', contains: 'padding' } as const }
      : { background: 'white', config: { legend: { symbolOpacity: 1 } } }),
    layer: curves.map((curve) => ({ data: { values: pointsOf(curve, axes) }, mark: marks[curve.mark ?? 'line'] })),
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: axes.x,
        axis: { tickMinStep: 1 },
        ...(look.inPage ? { scale: { nice: false } } : {}),
      },
      y: { field: 'y', type: 'quantitative', title: axes.y, ...scaleOf(axes) },
      color: {
        field: 'curve',
        type: 'nominal',
        title: null,
        scale: { domain: names },
        ...(look.inPage && names.length === 1 ? { legend: null } : {}),
      },
    },
  }
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

function pointsOf({ name, x, y }: Curve, { scale }: Axes): { x: number; y: number; curve: string }[] {
  return x.flatMap((at, i) => {
    const value = y[i] ?? NaN
    const shown = Number.isFinite(value) && (scale !== 'log' || value > 0)
    return shown ? [{ x: at, y: value, curve: name }] : []
  })
}

function scaleOf({ scale }: Axes) {
  // Whole decades would leave most of the plot empty.
  if (scale === 'log') return { scale: { type: 'log' as const, nice: false }, axis: { tickCount: 6 } }
  return scale === 'near' ? { scale: { zero: false } } : {}
}
