/**
 * A virtual machine for pickles, protocols 0 to 5 (format: Python's pickletools). It builds inert data only: a call
 * in the pickle is a request to the host, which answers with data or refuses.
 */
import { latin1, PickleMachine, type PickleHost } from './pickle-machine.js'
import { dictionary, isKind, tuple, type PickleValue } from './pickle-values.js'

/** Python's integers have no bound; ours do, so that a few bytes cannot ask for quadratic time. */
const longestInteger = 256

/** A little-endian two's complement integer. */
function longFrom(machine: PickleMachine, length: number): PickleValue {
  if (length > longestInteger) throw machine.damaged(`an integer of ${length} bytes`)
  const hex = Buffer.from(machine.take(length)).reverse().toString('hex')
  return narrowed(hex === '' ? 0n : BigInt.asIntN(length * 8, BigInt(`0x${hex}`)))
}

function narrowed(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function integerLine(machine: PickleMachine): PickleValue {
  const line = machine.line()
  if (line === '00' || line === '01') return line === '01'
  const digits = line.replace(/L$/, '')
  if (digits.length > longestInteger || !/^-?\d+$/.test(digits)) throw machine.damaged('an integer is malformed')
  return narrowed(BigInt(digits))
}

function floatLine(machine: PickleMachine): number {
  const line = machine.line()
  const named: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN }
  const value = Object.hasOwn(named, line) ? named[line] : /^[-+.\de]+$/i.test(line) ? Number(line) : undefined
  if (value === undefined || (Number.isNaN(value) && line !== 'nan')) throw machine.damaged('a float is malformed')
  return value
}

function memoIndex(machine: PickleMachine): number {
  const line = machine.line()
  if (!/^\d{1,10}$/.test(line)) throw machine.damaged('an index is malformed')
  return Number(line)
}

/** A Python 2 string in quotes; torch writes none with escapes. */
function quotedLine(machine: PickleMachine): string {
  const line = machine.line()
  const text = line.slice(1, -1)
  const quote = line[0]
  if (line.length < 2 || (quote !== "'" && quote !== '"') || line.at(-1) !== quote || text.includes('\\')) {
    throw machine.damaged('a string is malformed')
  }
  return text
}

function unicodeLine(machine: PickleMachine): string {
  return machine.line().replace(/\\u([\da-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function append(machine: PickleMachine, items: readonly PickleValue[]): void {
  const list = machine.top()
  if (!isKind(list, 'list') && !isKind(list, 'record')) throw machine.damaged('items are added to what is no list')
  for (const item of items) list.items.push(item)
}

function setEntries(machine: PickleMachine, flat: readonly PickleValue[]): void {
  const target = machine.top()
  if (!isKind(target, 'dictionary') && !isKind(target, 'record')) {
    throw machine.damaged('entries are set in what is no dictionary')
  }
  if (flat.length % 2 === 1) throw machine.damaged('a dictionary key has no value')
  for (let i = 0; i + 1 < flat.length; i += 2) target.entries.set(flat[i] ?? null, flat[i + 1] ?? null)
}

function addToSet(machine: PickleMachine, items: readonly PickleValue[]): void {
  const target = machine.top()
  if (!isKind(target, 'set')) throw machine.damaged('items are added to what is no set')
  for (const item of items) target.items.add(item)
}

/** Sets an object's state: kept in a record, without effect on other data (a state dict's `_metadata`). */
function build(machine: PickleMachine): void {
  const state = machine.pop()
  const target = machine.top()
  if (isKind(target, 'record')) target.state = state
  else if (!isKind(target, 'dictionary') && !isKind(target, 'tensor')) {
    throw machine.damaged('a state is set on what has none')
  }
}

function globalOf(machine: PickleMachine, module: PickleValue, name: PickleValue): PickleValue {
  if (typeof module !== 'string' || typeof name !== 'string') throw machine.damaged('a name is not a string')
  return machine.host.global(module, name)
}

function call(machine: PickleMachine, target: PickleValue, made: PickleValue): void {
  if (!isKind(made, 'tuple')) throw machine.damaged('the arguments of a call are not a tuple')
  machine.push(machine.host.call(target, made.items, machine))
}

type Instruction = (machine: PickleMachine) => void

/** What each instruction does, by its byte, written as a character. */
const instructions: Readonly<Record<string, Instruction>> = {
  '\x80': (m) => {
    if (m.uint8() > 5) fail(m, 'its protocol is newer than 5')
  },
  '\x95': (m) => void m.take(8), // a frame's length
  '.': (m) => void (m.result = m.pop()),
  '(': (m) => m.mark(),
  '0': (m) => m.drop(),
  '1': (m) => void m.popToMark(),
  '2': (m) => m.push(m.top()),

  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  I: (m) => m.push(integerLine(m)),
  L: (m) => m.push(integerLine(m)),
  J: (m) => m.push(m.int32()),
  K: (m) => m.push(m.uint8()),
  M: (m) => m.push(m.uint16()),
  '\x8a': (m) => m.push(longFrom(m, m.uint8())),
  '\x8b': (m) => m.push(longFrom(m, m.uint32())),
  F: (m) => m.push(floatLine(m)),
  G: (m) => m.push(m.float64()),

  S: (m) => m.push(quotedLine(m)),
  T: (m) => m.push(latin1(m.take(m.uint32()))),
  U: (m) => m.push(latin1(m.take(m.uint8()))),
  V: (m) => m.push(unicodeLine(m)),
  X: (m) => m.push(utf8.decode(m.take(m.uint32()))),
  '\x8c': (m) => m.push(utf8.decode(m.take(m.uint8()))),
  '\x8d': (m) => m.push(utf8.decode(m.take(m.uint64()))),
  B: (m) => m.push(m.take(m.uint32())),
  C: (m) => m.push(m.take(m.uint8())),
  '\x8e': (m) => m.push(m.take(m.uint64())),
  '\x96': (m) => m.push(m.take(m.uint64())),

  ')': (m) => m.push(tuple([])),
  t: (m) => m.push(tuple(m.popToMark())),
  '\x85': (m) => m.push(tuple([m.pop()])),
  '\x86': (m) => m.push(tuple([m.pop(), m.pop()].reverse())),
  '\x87': (m) => m.push(tuple([m.pop(), m.pop(), m.pop()].reverse())),
  ']': (m) => m.push({ kind: 'list', items: [] }),
  l: (m) => m.push({ kind: 'list', items: m.popToMark() }),
  a: (m) => append(m, [m.pop()]),
  e: (m) => append(m, m.popToMark()),
  '}': (m) => m.push(dictionary()),
  d: (m) => {
    const flat = m.popToMark()
    m.push(dictionary())
    setEntries(m, flat)
  },
  s: (m) => setEntries(m, [m.pop(), m.pop()].reverse()),
  u: (m) => setEntries(m, m.popToMark()),
  '\x8f': (m) => m.push({ kind: 'set', items: new Set() }),
  '\x90': (m) => addToSet(m, m.popToMark()),
  '\x91': (m) => m.push({ kind: 'set', items: new Set(m.popToMark()) }),

  p: (m) => m.remember(memoIndex(m)),
  q: (m) => m.remember(m.uint8()),
  r: (m) => m.remember(m.uint32()),
  '\x94': (m) => m.remember(m.memo.size),
  g: (m) => m.recall(memoIndex(m)),
  h: (m) => m.recall(m.uint8()),
  j: (m) => m.recall(m.uint32()),

  c: (m) => m.push(globalOf(m, m.line(), m.line())),
  '\x93': (m) => {
    const name = m.pop()
    m.push(globalOf(m, m.pop(), name))
  },
  R: (m) => {
    const made = m.pop()
    call(m, m.pop(), made)
  },
  '\x81': (m) => {
    const made = m.pop()
    call(m, m.pop(), made)
  },
  '\x92': (m) => {
    const named = m.pop()
    const made = m.pop()
    call(m, m.pop(), made)
    const object = m.top()
    if (isKind(object, 'record')) object.state = named
  },
  i: (m) => {
    const target = globalOf(m, m.line(), m.line())
    call(m, target, tuple(m.popToMark()))
  },
  o: (m) => {
    const [target, ...made] = m.popToMark()
    if (target === undefined) throw m.damaged('an instruction finds nothing to work on')
    call(m, target, tuple(made))
  },
  b: build,
  P: (m) => m.push(m.host.persistent(m.line(), m)),
  Q: (m) => m.push(m.host.persistent(m.pop(), m)),
}

function fail(machine: PickleMachine, problem: string): never {
  throw machine.damaged(problem)
}

const table: readonly (Instruction | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return Object.hasOwn(instructions, character) ? instructions[character] : undefined
})

/** The value that a pickle describes. Throws a WeightFailure if it is damaged or asks for what the host refuses. */
export function unpickle(bytes: Uint8Array, host: PickleHost): PickleValue {
  const machine = new PickleMachine(bytes, host)
  while (machine.result === undefined) {
    const byte = machine.uint8()
    const instruction = table[byte]
    if (instruction === undefined) throw machine.damaged(`unknown instruction 0x${byte.toString(16)}`)
    instruction(machine)
  }
  return machine.result
}
