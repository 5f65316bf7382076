import { describe, expect, it } from 'vitest'
import { floats } from '../../compiler/ir/tensor.js'
import { ImageFailure } from '../../runtime/images/failure.js'
import { grid, sideBySide, videoGrid, videoSideBySide } from '../../runtime/images/layout.js'
import { picturesOf, videosOf } from '../../runtime/images/picture.js'
import { pixel, plain } from './support.js'

describe('tensors become pictures', () => {
  it('clips, and rounds half up', () => {
    const half = (byte: number) => (byte + 0.5) / 127.5 - 1
    const values = [-7, -1, 0, 1, 1.5, half(10), half(10) - 1e-4, Infinity, -Infinity, NaN]
    const [picture] = picturesOf({ shape: [1, 1, values.length], data: Float64Array.from(values) })
    expect([...(picture?.data ?? [])]).toEqual([0, 0, 128, 255, 255, 11, 10, 255, 0, 0])
  })

  it('puts the channels of a pixel together', () => {
    const byte = (value: number) => value / 127.5 - 1
    const planes = [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60, 100, 110, 120, 130, 140, 150]
    const [picture] = picturesOf(floats([3, 2, 3], planes.map(byte)))
    expect(picture).toMatchObject({ width: 3, height: 2, channels: 3 })
    expect([...(picture?.data ?? [])].slice(0, 6)).toEqual([1, 10, 100, 2, 20, 110])
  })

  it('takes a batch', () => {
    const pictures = picturesOf(floats([2, 1, 1, 2], [-1, 1, 1, -1]))
    expect(pictures.map(({ data }) => [...data])).toEqual([
      [0, 255],
      [255, 0],
    ])
  })

  it('takes videos: frames lie between channels and rows', () => {
    const data = [0, 1, 2, 3, 4, 5].map((value) => value / 127.5 - 1)
    const frames = (shape: number[]) => videosOf(floats(shape, data)).map((video) => video.map((it) => [...it.data]))
    const two = [
      [0, 2, 4],
      [1, 3, 5],
    ]
    expect(frames([3, 2, 1, 1])).toEqual([two])
    expect(frames([1, 3, 2, 1, 1])).toEqual([two])
    expect(frames([2, 1, 3, 1, 1])).toEqual([
      [[0], [1], [2]],
      [[3], [4], [5]],
    ])
  })

  it.each([2, 4])('refuses %i channels', (channels) => {
    expect(() => picturesOf(floats([channels, 2, 2]))).toThrow(ImageFailure)
    expect(() => videosOf(floats([channels, 3, 2, 2]))).toThrow(`values of ${channels} channels are no picture`)
  })
})

describe('several pictures as one', () => {
  const colors = [
    [10, 0, 0],
    [20, 0, 0],
    [30, 0, 0],
  ]
  const three = colors.map((color) => plain(4, 3, ...color))

  it('lays a grid with margins, empty places white', () => {
    const picture = grid(three)
    expect(picture).toMatchObject({ width: 10, height: 8 })
    expect([0, 6].map((x) => pixel(picture, x, 0))).toEqual(colors.slice(0, 2))
    expect(pixel(picture, 3, 7)).toEqual([30, 0, 0])
    for (const [x, y] of [
      [4, 0],
      [5, 2],
      [0, 3],
      [0, 4],
      [9, 7],
    ] as const)
      // prettier-ignore
      expect(pixel(picture, x, y)).toEqual([255, 255, 255])
  })

  it('lays one row, one column and a single picture', () => {
    expect(grid(three, 8)).toMatchObject({ width: 16, height: 3 })
    expect(grid(three, 1)).toMatchObject({ width: 4, height: 13 })
    expect(grid([plain(4, 3, 7)])).toEqual(plain(4, 3, 7))
  })

  it('shows resolutions from small to large, enlarged by whole pixels', () => {
    const small = { width: 2, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4) } as const
    const picture = sideBySide([plain(4, 4, 9), small])
    expect(picture).toMatchObject({ width: 10, height: 4 })
    const rows = [0, 1, 2, 3].map((y) => [...picture.data.subarray(y * 10, y * 10 + 7)])
    expect(rows).toEqual([
      [1, 1, 2, 2, 255, 255, 9],
      [1, 1, 2, 2, 255, 255, 9],
      [3, 3, 4, 4, 255, 255, 9],
      [3, 3, 4, 4, 255, 255, 9],
    ])
  })

  it('shows videos at the same time', () => {
    const video = (...values: number[]) => values.map((value) => plain(2, 2, value))
    const frames = [...videoGrid([video(1, 2), video(3, 4)])]
    expect(frames.map((frame) => [pixel(frame, 0, 0), pixel(frame, 4, 0)].flat())).toEqual([
      [1, 3],
      [2, 4],
    ])
    const nested = [...videoSideBySide([video(1, 2, 3, 4), [plain(1, 1, 10), plain(1, 1, 20)]])]
    expect(nested.map((frame) => [pixel(frame, 0, 0), pixel(frame, 4, 0)].flat())).toEqual([
      [10, 1],
      [10, 2],
      [20, 3],
      [20, 4],
    ])
  })
})
