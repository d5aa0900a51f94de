/** `coalmine doctor`: what stands in the way, and what could be set better, each with what to do. */
import type { Command } from 'commander';
import { loadConfig, parseFile } from './lib/config.ts';
import { exitOf, type Finding } from './lib/doctor/finding.ts';
import { checkDataDir, checkKeys, checkListen, checkNode, checkRemarks } from './lib/doctor/surroundings.ts';
import { EXIT, worst } from './lib/exit.ts';
import { type Colour, paint, printable, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly reach: boolean;
  readonly json?: boolean;
}

export const doctor = (program: Command): void => {
  withConfig(
    addVerb(program, 'doctor', {
      summary: 'what stands in the way, and what could be set better',
      purpose:
        'Looks at everything coalmine needs: Node, keys, port, disk, the store with its tables and clock, and whether each checkpoint answers a look and each injector’s end is there. Tells of a ledger that is an older copy of itself, and after a day of running proposes on_time_within and lost_after from what was measured. Sends no canary and changes nothing.',
      example: [
        'coalmine doctor --config coalmine.yaml',
        'Each finding with what to do. The delays it proposes from are those of the last 30 days.',
      ],
      exits: {
        [EXIT.good]: 'nothing stands in the way; hints may be told',
        [EXIT.bad]: 'something won’t work, or not as meant',
        [EXIT.unknown]: 'something couldn’t be told, such as a store that can’t be reached',
      },
    }),
  )
    .option('--no-reach', 'leave adapters alone: no look, no knock')
    .action(
      ends(async (options: Options) => {
        const { diagnostics } = await parseFile(options.config);
        const config = await loadConfig(options.config);
        const [{ checkLedger }, { checkReach }] = await Promise.all([
          import('./lib/doctor/ledger.ts'),
          import('./lib/doctor/reach.ts'),
        ]);
        const findings: Finding[] = [
          checkNode(),
          ...checkRemarks(diagnostics),
          ...(await checkKeys(config)),
          ...(await checkListen(config)),
          ...(await checkDataDir(config)),
          ...(await checkLedger(config)),
          ...(options.reach ? await checkReach(config) : []),
        ];
        if (options.json) await writeJson({ findings });
        else await tell(findings);
        return worst(findings.map(exitOf));
      }),
    );
};

const MARKS: Readonly<Record<Finding['level'], readonly [mark: string, colour: Colour]>> = {
  ok: ['ok     ', 'green'],
  hint: ['hint   ', 'cyan'],
  bad: ['bad    ', 'red'],
  unknown: ['unknown', 'yellow'],
};

async function tell(findings: readonly Finding[]): Promise<void> {
  for (const { level, check, says, fix } of findings) {
    const [mark, colour] = MARKS[level];
    await writeLine(`${paint(colour, mark)}  ${check}: ${printable(says)}`);
    if (fix !== undefined) await writeLine(`         → ${printable(fix)}`);
  }
}
