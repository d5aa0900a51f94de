/** `coalmine exclusions`: the narrow exclusion of a pipeline's canaries, and the tripwire that goes with it. */
import type { Command } from 'commander';
import {
  type CanaryRecord,
  type Condition,
  exclusionTexts,
  type Role,
  rolesMissing,
  SIEMS,
  type Siem,
  type SiemText,
} from '../domain/exclusions.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { recordOf } from './lib/exclusion-record.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { paint, printable, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly for: string;
  readonly source?: string;
  readonly json?: boolean;
}

export const exclusions = (program: Command): void => {
  withConfig(
    addVerb(program, 'exclusions', {
      summary: 'what keeps canaries from raising alarms, and who else hides there',
      purpose:
        'Prints the narrow exclusion of a pipeline’s canaries (identity and source and application, and the token’s prefix where the record carries it) for Microsoft Sentinel, Splunk, Elastic and Sigma, beside the tripwire: an alarm for any other use of that identity. Names and values are read off the event that the pipeline really writes. An exclusion is a blind spot that an attacker can use: build it into the rules that canaries trip, and into no other, and never without its tripwire.',
      example: [
        'coalmine exclusions ssh-to-loki --for sigma',
        'A filter and a rule in YAML, for sigma-cli or a repository of detections.',
      ],
      exits: { [EXIT.good]: 'printed' },
    }),
  )
    .argument('<pipeline>', 'of the configuration')
    .option('--for <siem>', `${SIEMS.join(', ')} or all`, 'all')
    .option('--source <address>', 'where real sign-ins come from (your address as the provider sees it)')
    .action(
      ends(async (name: string, options: Options) => {
        const siems = siemsOf(options.for);
        const pipeline = pipelineOf(await loadConfig(options.config), name);
        const record = recordOf(pipeline, options.source);
        const texts = exclusionTexts(record, siems);
        if (options.json) await writeJson(json(record, texts));
        else await tell(record, texts, options.config);
        return EXIT.good;
      }),
    );
};

function siemsOf(given: string): readonly Siem[] {
  if (given === 'all') return SIEMS;
  const siem = SIEMS.find(s => s === given);
  if (!siem) throw usageError(`expected --for of ${SIEMS.join(', ')} or all, found ${JSON.stringify(given)}`);
  return [siem];
}

const json = (record: CanaryRecord, texts: readonly SiemText[]) => ({
  pipeline: record.pipeline,
  format: record.format,
  narrowed_by: record.conditions.map(c => ({
    role: c.role,
    field: placeOf(c),
    test: c.test,
    value: c.value,
  })),
  missing: rolesMissing(record),
  texts,
});

function placeOf({ field }: Condition): string {
  if (field.kind === 'json') return field.path.join('.');
  if (field.kind === 'line') return 'the line';
  return field.kind === 'process' ? 'the program in the syslog header' : `the sign-in’s ${field.what}`;
}

const TESTS = { is: 'is', begins: 'begins with', contains: 'holds' } as const;

/** What its absence costs, and what brings it in. */
const missingText = (role: Role, kind: CanaryRecord['kind']): string => {
  const put = (name: string) => (kind === 'sign-in' ? '' : `: put {{${name}}} into the template`);
  return {
    identity: 'who signs in',
    source:
      kind === 'sign-in'
        ? 'where from: give your address, as the provider sees it, with --source'
        : `where from${put('source_ip')}`,
    application: `with what${put('user_agent')}`,
    token: `a token that begins with coalmine1${kind === 'sign-in' ? ': only the checkpoints tell these records from others' : put('token')}`,
  }[role];
};

/** Names that others use too: an exclusion hides them, a tripwire cries for them. */
const SHARED = /^(root|admin|administrator|ubuntu|ec2-user|user|test|guest|service)([@\s]|$)/i;

async function tell(record: CanaryRecord, texts: readonly SiemText[], config: string): Promise<void> {
  const missing = rolesMissing(record);
  await writeLine(
    `${paint('bold', record.pipeline)}: an exclusion is a blind spot. Whoever leaves a record like this isn’t seen by the`,
  );
  await writeLine('rules it is built into, so it asks for all of these at once:');
  for (const c of record.conditions)
    await writeLine(
      `  ${c.role.padEnd(11)}  ${placeOf(c)} ${TESTS[c.test]} ${printable(JSON.stringify(c.value))}`,
    );
  if (missing.length > 0) {
    await writeLine(paint('yellow', 'These records don’t tell, so it is wider by as much:'));
    for (const role of missing) await writeLine(`  ${role.padEnd(11)}  ${missingText(role, record.kind)}`);
  }
  const shared = record.conditions.find(c => c.role === 'identity' && SHARED.test(c.broadly ?? c.value));
  if (shared)
    await writeLine(paint('yellow', 'Others may use that identity too: give canaries one of their own.'));
  for (const { title, assumes, exclusion, tripwire } of texts) {
    await writeLine(`\n${paint('bold', `── ${title}`)}  assumes ${assumes}`);
    await writeLine(paint('dim', '-- exclusion, in the rules that canaries trip:'));
    await writeLine(exclusion);
    await writeLine(paint('dim', '-- tripwire, a rule of its own; any hit is an incident:'));
    await writeLine(tripwire);
  }
  await writeLine(`
${paint('bold', 'What the tripwire can’t tell')}: a record with all of it, copied or made up. The ledger can: export what the exclusion
matched and ask it, whatever the format. Forged tokens end with 1.
  $ coalmine scan -c ${config} EXPORT
A valid token that was copied shows at the checkpoint, as copies beyond the one that was sent; one that this ledger
never made as an orphan: coalmine counts both, and forgeries, without being asked.`);
}
