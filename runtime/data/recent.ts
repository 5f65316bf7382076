/** Files that stay open while they are likely to be read again. */

interface Entry<File> {
  readonly file: Promise<File>
  users: number
}

/** Opens files as they are needed, and closes those that were not needed for longest. */
export class RecentFiles<File extends { close(): Promise<void> }> {
  readonly #entries = new Map<string, Entry<File>>()

  constructor(
    private readonly open: (path: string) => Promise<File>,
    private readonly limit = 64,
  ) {}

  /** What `action` gives for the open file. */
  async use<T>(path: string, action: (file: File) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(path) ?? { file: this.open(path), users: 0 }
    // The last of a map is the one that was used last.
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    entry.users++
    try {
      return await action(await entry.file)
    } catch (error) {
      await entry.file.catch(() => this.#entries.delete(path))
      throw error
    } finally {
      entry.users--
      await this.#closeOldest()
    }
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    for (const { file } of entries) await (await file).close()
  }

  async #closeOldest(): Promise<void> {
    for (const [path, { file, users }] of this.#entries) {
      if (this.#entries.size <= this.limit) return
      if (users > 0) continue
      this.#entries.delete(path)
      await (await file).close()
    }
  }
}
