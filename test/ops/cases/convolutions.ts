/** Cases of the convolution and its two gradients, all three from one walk over what meets what. */
import { elementCount, floats, type Tensor } from '../../../compiler/ir/tensor.js'
import { casesOf, type OpCase } from '../op_case.js'
import { randn } from '../tensors.js'

interface Settings {
  readonly title: string
  readonly x: readonly number[]
  /** [out, in, ...kernel] */
  readonly weight: readonly number[]
  readonly stride: number
  readonly padding: number | readonly number[]
}

const settings: readonly Settings[] = [
  { title: '3 x 3, padded', x: [2, 3, 6, 7], weight: [5, 3, 3, 3], stride: 1, padding: 1 },
  { title: '3 x 3, stride 2, sides odd and even', x: [2, 3, 7, 8], weight: [4, 3, 3, 3], stride: 2, padding: 1 },
  { title: '3 x 3, stride 2, not padded', x: [1, 2, 8, 7], weight: [3, 2, 3, 3], stride: 2, padding: 0 },
  { title: '1 x 1', x: [2, 6, 5, 3], weight: [3, 6, 1, 1], stride: 1, padding: 0 },
  { title: '1 x 1, stride 2', x: [2, 3, 5, 4], weight: [2, 3, 1, 1], stride: 2, padding: 0 },
  { title: '1 x 1, padded', x: [1, 2, 2, 3], weight: [2, 2, 1, 1], stride: 1, padding: 1 },
  { title: '2 x 2, patches that leave a row over', x: [2, 2, 5, 7], weight: [3, 2, 2, 2], stride: 2, padding: 0 },
  {
    title: '2 x 3, each edge padded on its own',
    x: [1, 2, 4, 5],
    weight: [3, 2, 2, 3],
    stride: 1,
    padding: [1, 0, 0, 2],
  },
  { title: '2 x 2, stride 2, padded behind', x: [1, 2, 5, 6], weight: [2, 2, 2, 2], stride: 2, padding: [0, 0, 1, 1] },
  { title: 'padded by more than the kernel', x: [1, 2, 3, 4], weight: [2, 2, 2, 3], stride: 1, padding: [3, 3, 2, 4] },
  { title: 'strides longer than the kernel', x: [1, 2, 8, 7], weight: [2, 2, 2, 1], stride: 3, padding: 1 },
  { title: 'one window', x: [2, 2, 3, 3], weight: [3, 2, 3, 3], stride: 2, padding: 0 },
  { title: 'along one axis', x: [2, 3, 6], weight: [4, 3, 3], stride: 1, padding: 1 },
  { title: 'along one axis, stride 2', x: [2, 3, 7], weight: [2, 3, 3], stride: 2, padding: 1 },
  { title: 'along one axis, patches that leave one over', x: [1, 2, 5], weight: [3, 2, 2], stride: 2, padding: 0 },
  { title: 'along one axis, kernel 1', x: [2, 3, 4], weight: [2, 3, 1], stride: 1, padding: 0 },
]

interface Convolution {
  readonly x: Tensor
  readonly weight: Tensor
  readonly y: Tensor
  readonly dy: Tensor
  readonly dx: Tensor
  readonly dWeight: Tensor
  /** A multiplication and an addition for each pair that meets, padding included. */
  readonly flops: number
}

/** Each element of x, of the kernel and of y that meet, by their offsets; `x` is undefined in the padding. */
type Visit = (meeting: { readonly x: number | undefined; readonly weight: number; readonly y: number }) => void

function walk({ x, weight, stride, padding }: Settings, sides: readonly number[], visit: Visit): void {
  const [batch = 0, channels = 0] = x
  const [out = 0] = weight
  const [height = 1, width = 1] = plane(x.slice(2))
  const [kernelHeight = 1, kernelWidth = 1] = plane(weight.slice(2))
  const [rows = 1, columns = 1] = plane(sides)
  const [top = 0, left = 0] = ahead(padding, sides.length)
  const each = (count: number, then: (i: number) => void) => Array.from({ length: count }, (_, i) => i).forEach(then)
  each(batch, (n) =>
    each(out, (o) =>
      each(channels, (c) =>
        each(rows * columns, (position) =>
          each(kernelHeight * kernelWidth, (tap) => {
            const row = Math.floor(position / columns) * stride + Math.floor(tap / kernelWidth) - top
            const column = (position % columns) * stride + (tap % kernelWidth) - left
            const inside = row >= 0 && row < height && column >= 0 && column < width
            visit({
              x: inside ? ((n * channels + c) * height + row) * width + column : undefined,
              weight: (o * channels + c) * kernelHeight * kernelWidth + tap,
              y: (n * out + o) * rows * columns + position,
            })
          }),
        ),
      ),
    ),
  )
}

/** One axis of space is the second of two, of which the first has size 1. */
function plane(space: readonly number[]): readonly number[] {
  return space.length === 1 ? [1, ...space] : space
}

/** The padding above and to the left. */
function ahead(padding: Settings['padding'], axes: number): readonly number[] {
  if (typeof padding === 'number') return axes === 1 ? [0, padding] : [padding, padding]
  return axes === 1 ? [0, padding[0] ?? 0] : padding
}

function convolution(given: Settings): Convolution {
  const { stride, padding } = given
  const [x, weight] = [randn(given.x), randn(given.weight, 2)]
  const axes = given.x.length - 2
  const sides = given.x.slice(2).map((side, i) => {
    const edges = typeof padding === 'number' ? 2 * padding : (padding[i] ?? 0) + (padding[i + axes] ?? 0)
    return Math.floor((side + edges - (weight.shape[2 + i] ?? 1)) / stride) + 1
  })
  const shape = [given.x[0] ?? 0, given.weight[0] ?? 0, ...sides]
  const dy = randn(shape, 3)
  const sums = { y: zeros(shape), dx: zeros(given.x), dWeight: zeros(given.weight) }
  const add = (to: Float64Array, at: number, value: number) => (to[at] = (to[at] ?? 0) + value)
  let pairs = 0
  walk(given, sides, (at) => {
    pairs++
    if (at.x === undefined) return
    const [p, q, r] = [x.data[at.x] ?? NaN, weight.data[at.weight] ?? NaN, dy.data[at.y] ?? NaN]
    add(sums.y, at.y, p * q)
    add(sums.dx, at.x, r * q)
    add(sums.dWeight, at.weight, p * r)
  })
  return {
    x,
    weight,
    dy,
    y: floats(shape, sums.y),
    dx: floats(given.x, sums.dx),
    dWeight: floats(given.weight, sums.dWeight),
    flops: 2 * pairs,
  }
}

function zeros(shape: readonly number[]): Float64Array {
  return new Float64Array(elementCount(shape))
}

const convolutions = settings.map((given) => ({ ...given, ...convolution(given), space: given.x.slice(2) }))

function convCase({ title, stride, padding, flops, x, weight, y }: (typeof convolutions)[number]): OpCase {
  return { title, inputs: { x, weight }, attributes: { stride, padding }, expected: y, batched: ['x'], flops }
}

function withBias(given: Settings): OpCase {
  const { x, weight, y } = convolution(given)
  const bias = randn([given.weight[0] ?? 0], 4)
  const positions = elementCount(y.shape.slice(2))
  const biased = y.data.map((value, i) => value + (bias.data[Math.floor(i / positions) % bias.data.length] ?? 0))
  const { title, stride, padding } = given
  const expected = floats(y.shape, biased)
  return { title, inputs: { x, weight, bias }, attributes: { stride, padding }, expected, batched: ['x'] }
}

export const convolutionCases = casesOf({
  conv: [
    ...convolutions.map(convCase),
    withBias({ title: 'with bias', x: [2, 2, 4, 3], weight: [3, 2, 3, 3], stride: 1, padding: 1 }),
    withBias({ title: 'along one axis, with bias', x: [2, 2, 5], weight: [3, 2, 3], stride: 2, padding: 1 }),
    withBias({
      title: 'so large that it is done in parts',
      x: [1, 24, 52, 52],
      weight: [1, 24, 3, 3],
      stride: 1,
      padding: 1,
    }),
  ],
  convInputGradient: convolutions.map(({ title, stride, padding, space, flops, dy, weight, dx }) => ({
    title,
    inputs: { dy, weight },
    attributes: { stride, padding, space },
    expected: dx,
    batched: ['dy'],
    flops,
  })),
  convWeightGradient: convolutions.map(({ title, stride, padding, weight, flops, x, dy, dWeight }) => ({
    title,
    inputs: { x, dy },
    attributes: { stride, padding, kernel: weight.shape.slice(2) },
    expected: dWeight,
    batched: ['x', 'dy'],
    flops,
  })),
})
