/** Line plots as SVG, through Vega-Lite without a browser. */
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

export interface Curve {
  readonly name: string
  readonly x: readonly number[]
  readonly y: readonly number[]
}

export interface Axes {
  readonly title: string
  readonly x: string
  readonly y: string
}

/** The SVG text of some curves in one picture; points that are not finite are left out. */
export async function plotLines(curves: readonly Curve[], { title, x, y }: Axes): Promise<string> {
  const values = curves.flatMap((curve) =>
    curve.x.flatMap((at, i) => {
      const value = curve.y[i] ?? NaN
      return Number.isFinite(value) ? [{ x: at, y: value, curve: curve.name }] : []
    }),
  )
  const { spec } = compile({
    title,
    width: 560,
    height: 320,
    background: 'white',
    data: { values },
    mark: { type: 'line' },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x },
      y: { field: 'y', type: 'quantitative', title: y },
      color: { field: 'curve', type: 'nominal', title: null, sort: curves.map(({ name }) => name) },
    },
  })
  const view = new View(parse(spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}
