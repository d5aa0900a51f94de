/** `coalmine adapters`: which kinds of injectors and observers there are, and what each can be told. */
import type { Command } from 'commander';
import { EXIT } from './lib/exit.ts';
import { writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends } from './lib/verb.ts';

export const adapters = (program: Command): void => {
  addVerb(program, 'adapters', {
    summary: 'the kinds of injectors and observers, and their settings',
    purpose:
      'Lists the kinds of injectors (how canaries get in) and observers (how they are seen) that can stand behind kind: in coalmine.yaml. With a kind, also its settings.',
    example: ['coalmine adapters loki', 'The settings of kind: loki, as injector and as observer.'],
    exits: { [EXIT.good]: 'printed' },
  })
    .argument('[kind]', 'only this one, with its settings')
    .action(
      ends(async (kind: string | undefined, options: { json?: boolean }) => {
        const { asJson, entriesOf, inFull, listOf } = await import('./lib/adapters-text.ts');
        const entries = entriesOf(kind);
        if (options.json) await writeJson(entries.map(asJson));
        else if (kind === undefined) await writeLine(listOf(entries));
        else await writeLine(entries.map(inFull).join('\n\n'));
        return EXIT.good;
      }),
    );
};
