/** Many small reads at once: most of their time is waiting. */

const atOnce = 32

/** What `action` gives for each item, in the order of the items. The first that throws ends it. */
export async function together<T, U>(items: readonly T[], action: (item: T) => Promise<U>): Promise<U[]> {
  const results = new Map<number, U>()
  let next = 0
  const work = async () => {
    for (let i = next++; i < items.length; i = next++) {
      const item = items[i]
      if (item !== undefined) results.set(i, await action(item))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return items.flatMap((_, i) => {
    const result = results.get(i)
    return result === undefined ? [] : [result]
  })
}
