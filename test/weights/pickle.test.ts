import { describe, expect, test } from 'vitest'
import { WeightFailure } from '../../runtime/weights/failure.js'
import { checkpointHost } from '../../runtime/weights/pickle-host.js'
import { PlainConverter } from '../../runtime/weights/pickle-plain.js'
import { unpickle } from '../../runtime/weights/pickle.js'
import { text } from './support.js'

const plain = (program: string) =>
  new PlainConverter().convert(unpickle(Buffer.from(program, 'latin1'), checkpointHost))

function refusal(program: string): string {
  try {
    unpickle(Buffer.from(program, 'latin1'), checkpointHost)
  } catch (error) {
    if (error instanceof WeightFailure) return `${error.finding.code} ${error.finding.message}`
    throw error
  }
  return 'accepted'
}

describe('values', () => {
  const cases: [string, string, unknown][] = [
    [
      'numbers',
      '(K\x01M\x00\x01J\xff\xff\xff\xffG\x3f\xf8\0\0\0\0\0\0I7\nI01\nL-5L\nF2.5\nt.',
      [1, 256, -1, 1.5, 7, true, -5, 2.5],
    ],
    [
      'long integers',
      '(\x8a\x00\x8a\x01\xff\x8a\x08\0\0\0\0\0\0\0\x80\x8b\x02\0\0\0\xff\x00t.',
      [0, -1, '-9223372036854775808', 255],
    ],
    [
      'texts',
      `(${text('a')}\x8c\x02\xc3\xa9U\x01bT\x01\0\0\0cS'd'\nV\\u00e9\n\x8d\x01\0\0\0\0\0\0\0ft.`,
      ['a', 'é', 'b', 'c', 'd', 'é', 'f'],
    ],
    ['tuples', '()N\x85N\x88\x86N\x88\x89\x87t.', [[], [null], [null, true], [null, true, false]]],
    ['lists', '(](K\x01K\x02e]K\x03a(K\x04lt.', [[1, 2], [3], [4]]],
    ['dictionaries', `(}${text('a')}K\x01s}(${text('b')}K\x02u(${text('c')}K\x03dt.`, [{ a: 1 }, { b: 2 }, { c: 3 }]],
    ['sets', '(\x8f(K\x01\x90(K\x02\x91c__builtin__\nset\n](K\x03e\x85Rt.', [[1], [2], [3]]],
    ['memo', '(K\x05q\x000h\x00K\x06\x94j\x01\0\0\0p7\ng7\nt.', [5, 6, 6, 6]],
    ['frames and protocol 4', `\x80\x04\x95\0\0\0\0\0\0\0\0${text('collections')}${text('OrderedDict')}\x93)R.`, {}],
    ['marks', '(K\x01(K\x021K\x0320t.', [1, 3]],
    ['a namespace', `cargparse\nNamespace\n)\x81}${text('lr')}K\x01sb.`, { lr: 1 }],
    [
      'protocol 0 object',
      `ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR}${text('a')}K\x01sb.`,
      { a: 1 },
    ],
    [
      'an enumeration',
      `c__builtin__\ngetattr\ncml_mdm.samplers\nScheduleType\n${text('DDPM')}\x86R.`,
      'ml_mdm.samplers.ScheduleType.DDPM',
    ],
    ['pairs', `ccollections\nOrderedDict\n]${text('a')}K\x01\x86a\x85R.`, { a: 1 }],
    ['old instances', `(iconfig\nModelConfig\n}${text('a')}K\x01sb.`, { a: 1 }],
    [
      'a NumPy scalar',
      `cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n${text('f4')}\x85R(K\x03${text('>')}NtbC\x04\x3f\xc0\0\0\x86R.`,
      1.5,
    ],
  ]
  test.each(cases)('%s', (_, program, expected) => {
    expect(JSON.parse(JSON.stringify(plain(program)))).toEqual(expected)
  })

  test('recursion ends', () => {
    expect(plain(`}q\x00${text('self')}h\x00s.`)).toBeDefined()
    const doubling = `]${'q\x00]h\x00ah\x00a'.repeat(200)}.`
    expect(plain(doubling)).toBeDefined()
  })
})

describe('what is refused', () => {
  const call = (module: string, name: string) => `c${module}\n${name}\n${text('echo')}\x85R.`
  const names = [
    ['os', 'system'],
    ['posix', 'system'],
    ['nt', 'system'],
    ['builtins', 'eval'],
    ['__builtin__', 'exec'],
    ['builtins', '__import__'],
    ['subprocess', 'Popen'],
    ['runpy', '_run_code'],
    ['webbrowser', 'open'],
    ['torch', 'load'],
    ['torch.hub', 'load'],
    ['torch._utils', '_rebuild_sparse_tensor'],
    ['numpy', 'load'],
    ['ml_mdm.config', 'run'],
    ['ml_mdm', 'config.os.system'],
    ['ml_mdm.Config', 'system'],
    ['ml_mdmx', 'Config'],
    ['models', '__class__'],
    ['', ''],
    ['__proto__', 'constructor'],
    ['toString', 'constructor'],
  ] as const
  test.each(names)('%s.%s', (module, name) => {
    const full = `${module === '__builtin__' ? 'builtins' : module}.${name}`
    expect(refusal(call(module, name))).toBe(`MDM0508 the PyTorch checkpoint asks for \`${full}\`, which is refused`)
    expect(refusal(`\x80\x04${text(module)}${text(name)}\x93.`)).toMatch('MDM0508')
    expect(refusal(`(i${module}\n${name}\n.`)).toMatch('MDM0508')
  })

  test('attributes of what is not an enumeration among the settings', () => {
    const get = (target: string, name: string) => refusal(`c__builtin__\ngetattr\n${target}${text(name)}\x86R.`)
    expect(get('ccollections\nOrderedDict\n', '__init__')).toMatch('MDM0508')
    expect(get('cml_mdm.samplers\nScheduleType\n', '__class__')).toMatch('MDM0508')
    expect(get('c__builtin__\ngetattr\n', 'x')).toMatch('MDM0508')
    expect(get(text('x'), 'x')).toMatch('MDM0508')
  })

  test('names that are no functions cannot be called, nor can data', () => {
    expect(refusal('ctorch\nFloatStorage\n)R.')).toMatch('MDM0508')
    expect(refusal('ctorch\nfloat32\n)R.')).toMatch('MDM0508')
    expect(refusal('K\x01)R.')).toMatch('MDM0507')
    expect(refusal('ccollections\nOrderedDict\n)R)R.')).toMatch('MDM0507')
  })

  test('terminal sequences do not reach the message', () => {
    expect(refusal('cos\x1b[31m\nsystem\n.')).not.toContain('\x1b')
  })
})

describe('damage', () => {
  const programs: [string, string][] = [
    ['empty', ''],
    ['no end', 'N'],
    ['empty stack', '.'],
    ['pop under a mark', 'N(0001.'],
    ['no mark', 't.'],
    ['unknown instruction', '\xff.'],
    ['extension registry', '\x82\x01.'],
    ['out-of-band buffer', '\x97.'],
    ['new protocol', '\x80\x06N.'],
    ['memo', 'h\x00.'],
    ['text beyond the end', 'X\xff\xff\xff\xffa.'],
    ['text beyond all numbers', '\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.'],
    ['bytes beyond the end', 'B\0\0\0\x80.'],
    ['an integer of a gigabyte', '\x8b\0\0\0\x40.'],
    ['an integer of many digits', `L${'9'.repeat(1000)}\n.`],
    ['no integer', 'Iabc\n.'],
    ['no float', 'F1-1\n.'],
    ['no line', 'Icos'],
    ['quotes', "S'a\n."],
    ['append to a tuple', ')Na.'],
    ['set in a list', ']NNs.'],
    ['an odd dictionary', '(Nd.'],
    ['add to a list', '](N\x90.'],
    ['state of a list', '](Ntb.'],
    ['names that are numbers', 'K\x01K\x02\x93.'],
    ['arguments that are a list', 'ccollections\nOrderedDict\n]R.'],
    ['a tensor of nothing', 'ctorch._utils\n_rebuild_tensor_v2\n)R.'],
    ['a foreign persistent id', `${text('x')}Q.`],
    ['a line as persistent id', 'Px\n.'],
  ]
  test.each(programs)('%s', (name, program) => {
    expect(refusal(program)).toMatch(/^MDM0507/)
    expect(refusal(program)).toMatchSnapshot(name)
  })

  test('few bytes cannot ask for much work', () => {
    const list = `](${'N)\x86'.repeat(10_000)}e`
    expect(refusal(`${list}q\x00${'ccollections\nOrderedDict\nh\x00\x85R0'.repeat(2000)}N.`)).toMatch('MDM0512')
  })
})
