/** What a package and its classes are called. */
import { partsOf, type Model } from '../../compiler/check/model.js'
import { className, isKeyword } from './python.js'

/** Names that the modules of a package have in any case. */
export const taken =
  'Any Callable ClassVar Condition DownLevel Level LayerT Losses Mapping MiddleLevel NamedTuple Part Sequence Step TypeVar UpLevel attend cache checkpoint load mean_of_real per_frame save sinusoids upsample zeroed frames_into_batch frames_out_of_batch onto_grid off_grid'.split(
    ' ',
  )

/** A name for each model's class, the model's own where Python allows it. */
export function classNamesOf(model: Model): ReadonlyMap<Model, string> {
  const names = new Map<Model, string>()
  for (const part of partsOf(model)) {
    const plain = /^[A-Z]/.test(part.name) && !taken.includes(part.name) ? part.name : `${className(part.name)}Model`
    let name = plain
    for (let i = 2; [...names.values()].includes(name); i++) name = `${plain}${i}`
    names.set(part, name)
  }
  return names
}

/** Python would find a package of such a name in the place of its own (3.11), or of one that training needs. */
const modules = new Set(
  'abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo numpy pil safetensors tensorboard test torch train'.split(
    ' ',
  ),
)

/** The name of a model's package. */
export function packageName(model: string): string {
  const name = model.toLowerCase()
  return /^[a-z]/.test(name) && !isKeyword(name) && !modules.has(name) ? name : `${name}_model`
}
