#!/usr/bin/env node
/** The command line: one file per command; this one joins them and turns their ends into exit codes. */
import { Command, CommanderError } from 'commander'
import { addCheck } from './check.js'
import { addCompile } from './compile.js'
import { addData } from './data.js'
import { addFormat } from './fmt.js'
import { addImport } from './import.js'
import { addInspect } from './inspect.js'
import { exitCodes, say, WrongInput, WrongUsage } from './report.js'
import { addSample } from './sample.js'
import { addTrain } from './train.js'
import { addVerify } from './verify.js'
import { version } from './version.js'

// Whoever reads the output may stop early (`mdmc inspect ... | head`); that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.done)
})

const program = new Command('mdmc')
  .description('A compiler for Matryoshka diffusion models')
  .version(version)
  .showHelpAfterError('(add --help for the options)')
  .configureHelp({ showGlobalOptions: true })
  .addHelpText('after', '\nExit codes: 0 done, 1 the input is wrong, 2 wrong usage, 3 the environment lacks something')
  .exitOverride()

for (const add of [addCheck, addFormat, addCompile, addInspect, addImport, addData, addTrain, addSample, addVerify])
  add(program)
for (const command of program.commands) command.exitOverride().copyInheritedSettings(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = await codeOf(error)
}

async function codeOf(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
  if (error instanceof WrongInput) return exitCodes.wrongInput
  if (error instanceof WrongUsage) {
    say(`error: ${error.message}`)
    return exitCodes.wrongUsage
  }
  const { environmentProblem } = await import('./environment.js')
  const problem = environmentProblem(error)
  if (problem === undefined) throw error
  say(`error: ${problem}`)
  return exitCodes.environment
}
