/** What lies around a package: pyproject.toml, and for training train.py and README.md. */
import type { Model } from '../../compiler/check/model.js'
import type { TorchTraining } from './plan.js'
import { lineLength } from './python.js'

/** Texts by file. `name`: the package's. */
export function projectFiles(name: string, model: Model, training: TorchTraining | undefined): Map<string, string> {
  const files = new Map([['pyproject.toml', project(name, model.name, training !== undefined)]])
  if (training) {
    files.set('train.py', trainScript(name, model.name))
    files.set('README.md', readme(model, training))
  }
  return files
}

function trainScript(name: string, model: string): string {
  return `"""Trains ${model} on a folder that \`mdmc data export\` wrote: see README.md."""

from ${name}.command import main

if __name__ == "__main__":
    main("${model}")
`
}

function project(name: string, model: string, trains: boolean): string {
  const extra = `
[project.optional-dependencies]
train = ["torch>=2.6", "numpy>=1.26", "pillow>=10.0", "tensorboard>=2.16"]
`
  return `[project]
name = "${name.replaceAll('_', '-')}"
version = "0.1.0"
description = "${model}, a Matryoshka diffusion model"
requires-python = ">=3.10"
dependencies = ["torch>=2.4", "safetensors>=0.4"]
${trains ? extra : ''}
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["${name}"]

[tool.ruff]
line-length = ${lineLength}

[tool.pyright]
typeCheckingMode = "basic"
${trains ? '# torch has names that it does not list: torch._foreach_add_, torch.distributed.HashStore.\nreportPrivateImportUsage = false\n' : ''}`
}

function readme(model: Model, { phases }: TorchTraining): string {
  const said = phases.every(({ steps }) => steps !== undefined)
  const more = said ? '' : ' --steps 100000 --batch 256'
  const rows = phases.map(({ model: part, steps, batch, rate }, i) =>
    [i + 1, part.name, steps ?? '`--steps`', batch ?? '`--batch`', rate].map(String),
  )
  return `# ${model.name}

A Matryoshka diffusion model in PyTorch, with its training.

    python -m pip install '.[train]'
    mdmc data export MODEL.mdm --data PHOTOS -o DATA
    torchrun --nproc-per-node 8 train.py DATA --out RUN${more}

${table([['phase', 'model', 'steps', 'images of a batch', 'learning rate'], ...rows])}

A batch is that of all processes together. \`python train.py\` trains with one; \`--help\` lists the options.

**Going on.** Ctrl-C, SIGTERM and the end of a job save. The same command with \`--resume\` goes on, with another number
of processes or the other \`--strategy\` too: examples, noise and steps of diffusion stay those of an undisturbed run.

**DDP or FSDP.** \`--strategy ddp\` keeps the whole model on each GPU and is faster where it fits. \`--strategy fsdp\`
spreads weights, their average and the moments of Adam over all of them. \`--recompute 64 128\` saves the memory of
activations: levels of these sides compute them twice.

**Several nodes.** With Slurm: \`sbatch --nodes 4 train.slurm DATA RUN\`; the job saves before its time is over, and is
put into the queue again. Without, on each node (the first is \`--node-rank 0\`):

    torchrun --nnodes 4 --node-rank N --nproc-per-node 8 --master-addr FIRST --master-port 29500 train.py DATA --out RUN

DATA and RUN must be the same folders on all nodes.

**What comes out.** \`RUN/checkpoints/step-...\`, the last two; in each, \`average.safetensors\` samples best, and
\`weights.safetensors\` are the weights themselves. At the end both lie in RUN; \`train.py --export RUN\` copies the newest
there at any time. \`mdmc compile MODEL.mdm --weights RUN/average.safetensors\` takes them. \`RUN/metrics.jsonl\`,
\`RUN/samples\` and \`tensorboard --logdir RUN\` show how far it has come.
`
}

/** A table of Markdown, the first row its head. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [first = '', ...rest] = rows.map(line)
  return [first, line(widths.map((width) => '-'.repeat(width))), ...rest].join('\n')
}
