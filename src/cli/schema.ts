/** `coalmine schema`: the JSON schema of coalmine.yaml. */
import type { Command } from 'commander';
import { EXIT } from './lib/exit.ts';
import { writeJson } from './lib/output.ts';
import { addVerb, ends } from './lib/verb.ts';

export const schema = (program: Command): void => {
  addVerb(program, 'schema', {
    summary: 'the JSON schema of coalmine.yaml, for editors',
    purpose:
      'Prints the JSON schema of coalmine.yaml. Editors complete and check by it: name it in the first line of the file, as "# yaml-language-server: $schema=coalmine.schema.json".',
    example: ['coalmine schema > coalmine.schema.json', 'Puts the schema beside the configuration.'],
    exits: { [EXIT.good]: 'printed' },
  }).action(
    ends(async () => {
      const [{ jsonSchemaOf }, { registry }] = await Promise.all([
        import('../config/json-schema.ts'),
        import('../registry.gen.ts'),
      ]);
      await writeJson(jsonSchemaOf(registry));
      return EXIT.good;
    }),
  );
};
