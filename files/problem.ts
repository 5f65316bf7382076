/** What the operating system complains about, in words. */

const systemProblems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EEXIST: 'there is something else of this name',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'no more disk space is allowed to this user',
  EFBIG: 'a file may not become so large here',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
}

/** What the system refused, in words; undefined if the error is not the system's. */
export function systemProblem(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  if ('syscall' in error) return systemProblems[error.code] ?? error.message
  // A path with a zero byte never reaches the system.
  return error.code === 'ERR_INVALID_ARG_VALUE' ? 'the path is not valid' : undefined
}

/** Whether the system refused for this reason, such as `ENOENT`. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}
