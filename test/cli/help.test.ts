/** What the command line says about itself, and what it says to those who call it wrongly. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mdmc, succeed } from './run.js'

const commands = ['check', 'fmt', 'compile', 'inspect', 'import', 'verify']

describe('help', () => {
  it('lists every command and the exit codes', async () => {
    const { out } = await succeed(['--help'])
    for (const command of commands) expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(out).toContain('Exit codes: 0 done, 1 the input is wrong, 2 wrong usage, 3 the environment lacks something')
  })

  it.each(commands)('%s has examples', async (command) => {
    const { out, err } = await succeed([command, '--help'])
    expect(err).toBe('')
    expect(out).toContain(`Usage: mdmc ${command} [options]`)
    expect(out).toMatch(new RegExp(`\\nExamples:\\n( {2}mdmc ${command} .+\\n){2,}`))
  })

  it('knows its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect((await succeed(['--version'])).out.trim()).toBe(version)
  })
})

describe('wrong usage ends with code 2', () => {
  const tiny = 'examples/tiny.mdm'
  const nested2 = 'test/fixtures/conformance/nested2'
  it.each<[string, string[], string]>([
    ['no command', [], 'Usage: mdmc'],
    ['an unknown command', ['frobnicate'], "unknown command 'frobnicate'"],
    ['a misspelt command', ['complie', tiny], 'compile'],
    ['no file', ['check'], "missing required argument 'file'"],
    ['an unknown option', ['fmt', '--frob', tiny], "unknown option '--frob'"],
    ['two files where one is taken', ['compile', tiny, tiny], 'too many arguments'],
    ['an old opset', ['compile', tiny, '--opset', '16'], 'must be a whole number from 17 to 22'],
    ['an opset that is no number', ['compile', tiny, '--opset', 'new'], 'must be a whole number from 17 to 22'],
    ['an unknown precision', ['compile', tiny, '--precision', 'int8'], 'fp32, fp16'],
    ['an unknown target', ['compile', tiny, '--target', 'coreml'], 'Allowed choices are'],
    ['a negative seed', ['compile', tiny, '--seed', '-1'], 'must be a whole number from 0'],
    ['a seed without fresh weights', ['compile', tiny, '--seed', '1', '--no-weights'], '--seed is for fresh weights'],
    ['a misspelt model', ['compile', tiny, '--model', 'Tinny'], 'did you mean Tiny?'],
    ['an unknown model', ['inspect', 'examples/my_block.mdm', '--model', 'Q'], 'it has WithSqueeze or WithPlainBlocks'],
    ['an unknown pass', ['inspect', tiny, '--after', 'magic'], 'simplify'],
    ['no examples in the batch', ['inspect', tiny, '--batch', '0'], 'from 1 to'],
    ['an unknown engine', ['verify', nested2, '--engine', 'abacus'], 'Allowed choices are onnx, tfjs, reference'],
    ['an unknown device', ['verify', nested2, '--device', 'quantum'], 'it has cpu, cuda, webgpu'],
    ['a device of another engine', ['verify', nested2, '--engine', 'reference', '--device', 'cuda'], 'it has cpu'],
    ['no tolerance', ['verify', nested2, '--tolerance', '0'], 'must be a number above 0'],
    ['no threads', ['verify', nested2, '--threads', '0'], 'from 1 to 1024'],
    ['threads of an engine with one', ['verify', nested2, '--engine', 'tfjs', '--threads', '2'], 'leave --threads out'],
    ['weights with a name', ['import', 'test/fixtures/vis_model.pth', '--name', 'x'], 'not for weights'],
    ['a configuration as a text file', ['import', 'x.yaml', '-o', 'x.txt'], 'written as .mdm'],
  ])('%s', async (_, given, said) => {
    const { code, out, err } = await mdmc(given)
    expect(err).toContain(said)
    expect(code).toBe(2)
    expect(out).toBe('')
  })
})
