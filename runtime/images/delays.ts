/**
 * How long each frame is shown, endlessly: milliseconds in whole multiples of `unit`, such that frames stay in time
 * however long the animation is.
 */
export function* delays(fps: number, unit: number): Generator<number, never> {
  let shown = 0
  for (let frame = 1; ; frame++) {
    const end = Math.round((frame * 1000) / fps / unit)
    yield (end - shown) * unit
    shown = end
  }
}
