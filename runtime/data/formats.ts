/** Which files are images and videos, told from their names. */
import { extname } from 'node:path/posix'

const imageFormats = ['png', 'jpg', 'jpeg', 'webp', 'gif', 'avif', 'tif', 'tiff'] as const
/** Images that may hold several. */
const animatedFormats: readonly string[] = ['gif', 'webp']
const videoFormats: readonly string[] = ['mp4', 'webm', 'mov', 'mkv', 'avi', 'm4v']

/** The formats that are looked for, for a user to read. */
export function formatsOf(what: 'images' | 'videos'): readonly string[] {
  return what === 'images' ? imageFormats : [...videoFormats, ...animatedFormats]
}

/** What a file may be, from its ending without the dot, in whatever case. */
export function formatOf(ending: string): { image: boolean; animated: boolean; video: boolean } {
  const known = ending.toLowerCase()
  return {
    image: imageFormats.some((format) => format === known),
    animated: animatedFormats.includes(known),
    video: videoFormats.includes(known),
  }
}

/** The ending of a name, without the dot. */
export function endingOf(name: string): string {
  return extname(name).slice(1)
}

/** A name without its ending. */
export function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length)
}
