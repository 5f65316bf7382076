/** Cases of the ops that move, cut, join and repeat elements, and of the sums along axes. */
import { symbol } from '../../../compiler/ir/dimension.js'
import { casesOf } from '../op_case.js'
import { at, randn, tensor, truths, whole } from '../tensors.js'

const x = randn([2, 3, 4])
const y = randn([2, 5, 4], 2)
const rows = randn([2, 1, 4])
const image = randn([2, 3, 2, 3])
const part = randn([2, 3], 3)
const wide = randn([2, 3, 4, 6], 4)
const batch = symbol('batch')
const labels = whole([4], [2, 0, 3, 2 ** 33])

export const shape = casesOf({
  reshape: [
    {
      title: 'rows into columns, any batch',
      inputs: { x },
      attributes: { shape: [batch, 2, 6] },
      expected: tensor([2, 2, 6], (i, j, k) => at(x, i, Math.floor((j * 6 + k) / 4), (j * 6 + k) % 4)),
      batched: ['x'],
    },
    {
      title: 'axes joined with the batch',
      inputs: { x },
      attributes: { shape: [{ coefficient: 3, symbols: ['batch'] }, 4] },
      expected: tensor([6, 4], (i, j) => at(x, Math.floor(i / 3), i % 3, j)),
      batched: ['x'],
    },
    {
      title: 'labels keep their type',
      inputs: { x: labels },
      attributes: { shape: [2, 2] },
      expected: whole([2, 2], [2, 0, 3, 2 ** 33]),
    },
  ],
  broadcast: [
    {
      title: 'new and stretched axes',
      inputs: { x: randn([3, 1]) },
      attributes: { shape: [2, 3, 4] },
      expected: tensor([2, 3, 4], (_, j) => at(randn([3, 1]), j, 0)),
    },
    {
      title: 'rows of a batch',
      inputs: { x: rows },
      attributes: { shape: [batch, 3, 4] },
      expected: tensor([2, 3, 4], (i, _, k) => at(rows, i, 0, k)),
      batched: ['x'],
    },
    {
      title: 'truth values keep their type',
      inputs: { x: truths([2, 1], [1, 0]) },
      attributes: { shape: [2, 2] },
      expected: truths([2, 2], [1, 1, 0, 0]),
    },
  ],
  transpose: [
    {
      title: 'three axes in turn',
      inputs: { x },
      attributes: { permutation: [2, 0, 1] },
      expected: tensor([4, 2, 3], (i, j, k) => at(x, j, k, i)),
      batched: ['x'],
    },
    {
      title: 'heads before tokens',
      inputs: { x: image },
      attributes: { permutation: [0, 2, 1, 3] },
      expected: tensor([2, 2, 3, 3], (i, j, k, l) => at(image, i, k, j, l)),
      batched: ['x'],
    },
  ],
  concat: [
    {
      title: 'an axis in the middle',
      inputs: { a: x, b: y },
      attributes: { axis: 1 },
      expected: tensor([2, 8, 4], (i, j, k) => (j < 3 ? at(x, i, j, k) : at(y, i, j - 3, k))),
      batched: ['a', 'b'],
    },
    {
      title: 'two batches',
      inputs: { a: x, b: x },
      attributes: { axis: 0 },
      expected: tensor([4, 3, 4], (i, j, k) => at(x, i % 2, j, k)),
      batched: ['a', 'b'],
    },
  ],
  slice: [
    {
      title: 'an axis in the middle',
      inputs: { x: y },
      attributes: { axis: 1, start: 1, end: 4 },
      expected: tensor([2, 3, 4], (i, j, k) => at(y, i, j + 1, k)),
      batched: ['x'],
    },
    {
      title: 'labels',
      inputs: { x: labels },
      attributes: { axis: 0, start: 2, end: 4 },
      expected: whole([2], [3, 2 ** 33]),
    },
  ],
  pad: [
    {
      title: 'an axis in the middle, behind',
      inputs: { x },
      attributes: { axis: 1, before: 0, to: 5 },
      expected: tensor([2, 5, 4], (i, j, k) => (j < 3 ? at(x, i, j, k) : 0)),
      batched: ['x'],
    },
    {
      title: 'an axis in the middle, on both sides',
      inputs: { x },
      attributes: { axis: 1, before: 2, to: 6 },
      expected: tensor([2, 6, 4], (i, j, k) => (j >= 2 && j < 5 ? at(x, i, j - 2, k) : 0)),
      batched: ['x'],
    },
    {
      title: 'the last axis, ahead',
      inputs: { x },
      attributes: { axis: 2, before: 1, to: 5 },
      expected: tensor([2, 3, 5], (i, j, k) => (k > 0 ? at(x, i, j, k - 1) : 0)),
      batched: ['x'],
    },
    {
      title: 'part of a batch up to the whole',
      inputs: { x: part },
      attributes: { axis: 0, before: 0, to: { coefficient: 2, symbols: ['batch'] } },
      expected: tensor([4, 3], (i, j) => (i < 2 ? at(part, i, j) : 0)),
      batched: ['x'],
    },
  ],
  reverse: [
    {
      title: 'one axis',
      inputs: { x },
      attributes: { axes: [1] },
      expected: tensor([2, 3, 4], (i, j, k) => at(x, i, 2 - j, k)),
      batched: ['x'],
    },
    {
      title: 'two axes, as a kernel is turned',
      inputs: { x: image },
      attributes: { axes: [2, 3] },
      expected: tensor([2, 3, 2, 3], (n, c, i, j) => at(image, n, c, 1 - i, 2 - j)),
      batched: ['x'],
    },
    {
      title: 'labels keep their type',
      inputs: { x: labels },
      attributes: { axes: [0] },
      expected: whole([4], [2 ** 33, 3, 0, 2]),
    },
  ],
  after: [
    { title: 'a value of another shape', inputs: { x, signal: y }, expected: x, batched: ['x', 'signal'] },
    { title: 'a number', inputs: { x, signal: tensor([], () => NaN) }, expected: x, batched: ['x'] },
    { title: 'labels keep their type', inputs: { x: labels, signal: x }, expected: labels, batched: ['x'] },
  ],
  upsample: [
    {
      title: 'images',
      inputs: { x: image },
      attributes: { factor: 2 },
      expected: tensor([2, 3, 4, 6], (n, c, i, j) => at(image, n, c, Math.floor(i / 2), Math.floor(j / 2))),
      batched: ['x'],
    },
    {
      title: 'sequences',
      inputs: { x },
      attributes: { factor: 3 },
      expected: tensor([2, 3, 12], (n, c, i) => at(x, n, c, Math.floor(i / 3))),
      batched: ['x'],
    },
  ],
  tileSum: [
    {
      title: 'images',
      inputs: { x: wide },
      attributes: { factor: 2 },
      expected: tensor([2, 3, 2, 3], (n, c, i = 0, j = 0) =>
        [0, 1].flatMap((k) => [0, 1].map((l) => at(wide, n, c, 2 * i + k, 2 * j + l))).reduce((a, b) => a + b),
      ),
      batched: ['x'],
      flops: 144,
    },
    {
      title: 'sequences',
      inputs: { x },
      attributes: { factor: 4 },
      expected: tensor([2, 3, 1], (n, c) => [0, 1, 2, 3].reduce((sum, k) => sum + at(x, n, c, k), 0)),
      batched: ['x'],
    },
    { title: 'tiles of one', inputs: { x: image }, attributes: { factor: 1 }, expected: image, batched: ['x'] },
  ],
  sum: [
    {
      title: 'axes taken away',
      inputs: { x },
      attributes: { axes: [0, 2], keep: false },
      expected: tensor([3], (j) =>
        [0, 1].flatMap((i) => [0, 1, 2, 3].map((k) => at(x, i, j, k))).reduce((a, b) => a + b),
      ),
      flops: 24,
    },
    {
      title: 'axes kept',
      inputs: { x },
      attributes: { axes: [1], keep: true },
      expected: tensor([2, 1, 4], (i, _, k) => at(x, i, 0, k) + at(x, i, 1, k) + at(x, i, 2, k)),
      batched: ['x'],
    },
  ],
  mean: [
    {
      title: 'the last axis',
      inputs: { x },
      attributes: { axes: [2], keep: false },
      expected: tensor([2, 3], (i, j) => [0, 1, 2, 3].reduce((sum, k) => sum + at(x, i, j, k), 0) / 4),
      batched: ['x'],
    },
    {
      title: 'all axes',
      inputs: { x },
      attributes: { axes: [0, 1, 2], keep: false },
      expected: tensor([], () => Array.from(x.data).reduce((sum, value) => sum + value, 0) / 24),
    },
  ],
  gather: [
    {
      title: 'entries for each example',
      inputs: { table: tensor([5], (i) => i ** 2), index: whole([4], [3, 0, 4, 3]) },
      expected: tensor([4], (i) => [9, 0, 16, 9][i] ?? NaN),
      batched: ['index'],
    },
  ],
  toFloat: [
    {
      title: 'steps',
      inputs: { x: whole([3], [7, 0, 999]) },
      expected: tensor([3], (i) => [7, 0, 999][i] ?? NaN),
      batched: ['x'],
    },
  ],
  quantile: [
    {
      title: 'between two of them',
      inputs: { x: tensor([2, 5], (i, j) => (i === 0 ? [4, 1, 3, 2, 5] : [0, 10, 0, 20, 0])[j] ?? NaN) },
      attributes: { q: 0.9 },
      expected: tensor([2, 1], (i) => (i === 0 ? 4.6 : 16)),
      batched: ['x'],
    },
    {
      title: 'near the lower end',
      inputs: { x: tensor([1, 5], (_, j) => [4, 1, 3, 2, 5][j] ?? NaN) },
      attributes: { q: 0.3 },
      expected: tensor([1, 1], () => 2.2),
    },
    {
      title: 'the largest',
      inputs: { x: tensor([1, 5], (_, j) => [4, 1, 3, 2, 5][j] ?? NaN) },
      attributes: { q: 1 },
      expected: tensor([1, 1], () => 5),
    },
  ],
  oneHot: [
    {
      title: 'labels of a batch',
      inputs: { x: whole([3], [2, 0, 3]) },
      attributes: { depth: 4 },
      expected: tensor([3, 4], (i, j) => (j === [2, 0, 3][i] ? 1 : 0)),
      batched: ['x'],
    },
  ],
  dropout: [{ title: 'outside of training', inputs: { x }, attributes: { rate: 0.5 }, expected: x, batched: ['x'] }],
})
